package talk

import "parley/shared/chat"

// log is what a room's window shows: messages in the order of their numbers, each once, none left out. Whatever order
// they arrive in, add returns those whose turn has come.
type log struct {
	begun bool                   // a first history has said where to begin
	have  int64                  // the number of the last message that was shown
	early map[int64]chat.Message // arrived before those between have and them
}

// begin makes the log go on after a number, forgetting what is missing up to it.
func (l *log) begin(have int64) {
	l.begun, l.have = true, have
	for seq := range l.early {
		if seq <= have {
			delete(l.early, seq)
		}
	}
}

// add takes messages and returns the ones to show now.
func (l *log) add(messages ...chat.Message) (show []chat.Message) {
	if l.early == nil {
		l.early = make(map[int64]chat.Message)
	}
	for _, m := range messages {
		if !l.begun || m.Seq > l.have {
			l.early[m.Seq] = m
		}
	}
	for l.begun {
		m, ok := l.early[l.have+1]
		if !ok {
			break
		}
		delete(l.early, m.Seq)
		l.have = m.Seq
		show = append(show, m)
	}
	return show
}

// gap reports whether something is missing before a message that has arrived.
func (l *log) gap() bool { return l.begun && len(l.early) > 0 }
