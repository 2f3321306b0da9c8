package page

import (
	"strconv"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// clock writes times the way the reader's browser does. It remembers what it
// wrote: asking the browser costs more than drawing the message. Used on the UI
// goroutine only.
type clock struct {
	zone    *time.Location
	time    app.Value // Intl.DateTimeFormat, nil outside of a browser
	day     app.Value
	dayYear app.Value
	minutes map[int64]string
	days    map[int64]string
}

func newClock() *clock {
	c := &clock{zone: time.Local, minutes: make(map[int64]string), days: make(map[int64]string)}
	if app.IsClient {
		format := app.Window().Get("Intl").Get("DateTimeFormat")
		none := app.Undefined()
		c.time = format.New(none, map[string]any{"hour": "2-digit", "minute": "2-digit"})
		c.day = format.New(none, map[string]any{"weekday": "long", "day": "numeric", "month": "long"})
		c.dayYear = format.New(none, map[string]any{"day": "numeric", "month": "long", "year": "numeric"})
	}
	return c
}

// dayOf numbers the days in the reader's zone.
func (c *clock) dayOf(ms int64) int64 {
	t := time.UnixMilli(ms).In(c.zone)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

// minute is the time of day, as in "14:05".
func (c *clock) minute(ms int64) string {
	key := ms / 60_000
	if s, ok := c.minutes[key]; ok {
		return s
	}
	if len(c.minutes) > 5000 {
		clear(c.minutes)
	}
	s := ""
	if c.time != nil {
		s = c.time.Call("format", ms).String()
	} else {
		s = time.UnixMilli(ms).In(c.zone).Format("15:04")
	}
	c.minutes[key] = s
	return s
}

// date is the day, as in "Today", "Yesterday" or "Monday, 3 March".
func (c *clock) date(ms, now int64) string {
	day, today := c.dayOf(ms), c.dayOf(now)
	switch today - day {
	case 0:
		return "Today"
	case 1:
		return "Yesterday"
	}
	if s, ok := c.days[day]; ok {
		return s
	}
	t := time.UnixMilli(ms).In(c.zone)
	layout, format := "Monday, 2 January", c.day
	if today-day > 300 || today < day {
		layout, format = "2 January 2006", c.dayYear
	}
	s := t.Format(layout)
	if format != nil {
		s = format.Call("format", ms).String()
	}
	c.days[day] = s
	return s
}

// full is day and time.
func (c *clock) full(ms, now int64) string { return c.date(ms, now) + ", " + c.minute(ms) }

// iso is the time for machines.
func (c *clock) iso(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// brief is the time of day for today and the day otherwise.
func (c *clock) brief(ms, now int64) string {
	if ms == 0 {
		return ""
	}
	day, today := c.dayOf(ms), c.dayOf(now)
	switch {
	case day == today:
		return c.minute(ms)
	case today-day == 1:
		return "Yesterday"
	}
	return time.UnixMilli(ms).In(c.zone).Format("2 Jan")
}

// age says how long ago something was, in words.
func age(ms, now int64) string {
	minutes := (now - ms) / 60_000
	switch {
	case minutes < 1:
		return "less than a minute ago"
	case minutes == 1:
		return "a minute ago"
	case minutes < 60:
		return strconv.FormatInt(minutes, 10) + " minutes ago"
	case minutes < 120:
		return "an hour ago"
	case minutes < 24*60:
		return strconv.FormatInt(minutes/60, 10) + " hours ago"
	case minutes < 48*60:
		return "yesterday"
	}
	return strconv.FormatInt(minutes/60/24, 10) + " days ago"
}
