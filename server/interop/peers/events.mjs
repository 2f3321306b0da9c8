// once resolves with the arguments of an emitter's next event.
export function once(emitter, event) {
  return new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
}

// collect resolves with the arguments of the next n events.
export function collect(socket, event, n) {
  return new Promise((resolve) => {
    const all = [];
    socket.on(event, (...args) => {
      all.push(args);
      if (all.length === n) resolve(all);
    });
  });
}
