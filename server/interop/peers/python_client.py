"""Debian's python3-socketio against the fixture: prints one JSON line a case, as run_cases.mjs does.

Arguments: the fixture's URL, and the transports separated by commas.
"""

import json
import queue
import sys
import traceback

import socketio

URL, TRANSPORTS = sys.argv[1], sys.argv[2].split(",")
PATIENCE = 15


class Client:
    """A connected client that collects what it is told."""

    def __init__(self, namespaces=("/",), auth=None, wait=PATIENCE):
        self.sio = socketio.Client(reconnection=False)
        self.events = queue.Queue()
        self.answers = {}
        for namespace in namespaces:
            self.sio.on("*", lambda event, *args, ns=namespace: self.received(event, args), namespace=namespace)
        for namespace in namespaces:
            self.sio.on("question", self.question, namespace=namespace)
            self.sio.on("disconnect", lambda: self.events.put(("disconnect", ())), namespace=namespace)
        self.sio.connect(URL, transports=TRANSPORTS, namespaces=list(namespaces), auth=auth, wait_timeout=wait)

    def question(self, question):
        return "answer to", question

    def received(self, event, args):
        self.events.put((event, args))

    def expect(self, event):
        while True:
            name, args = self.events.get(timeout=PATIENCE)
            if name == event:
                return list(args)

    def ask(self, event, *args, namespace=None):
        answer = self.sio.call(event, args, namespace=namespace, timeout=PATIENCE)
        return list(answer) if isinstance(answer, (list, tuple)) else [answer]


# Rows: N01 E01
def connects(clients):
    client = clients()
    assert len(client.sio.get_sid()) == 20
    assert client.ask("me")[0]["id"] == client.sio.get_sid()


# Rows: N08
def auth_reaches_the_server(clients):
    client = clients(auth={"token": "abc"})
    assert client.ask("me")[0]["auth"] == {"token": "abc"}


# Rows: M01 L04 B01
def values_and_answers(clients):
    client = clients()
    values = [1, -2.5, "ü€😀", True, None, [], {"a": [None, {}]}]
    client.sio.emit("echo", tuple(values))
    assert client.expect("echo-back") == values
    assert client.ask("echo", "x", 7) == ["x", 7]


# Rows: B02
def binary(clients):
    client = clients()
    client.sio.emit("echo", (b"\x01\x02", {"deep": [b"\x03"]}))
    assert client.expect("echo-back") == [b"\x01\x02", {"deep": [b"\x03"]}]


# Rows: M02
def the_server_asks(clients):
    client = clients()
    assert client.ask("ask-me", "why")[0] == "answer to"


# Rows: M07 M10
def rooms(clients):
    one, two = clients(), clients()
    two.ask("join", ["r"])
    one.sio.emit("to", (["r"], "said", "hello"))
    assert two.expect("said") == ["hello"]
    one.sio.emit("broadcast", ("said", "again"))
    assert two.expect("said") == ["again"]


# Rows: N04 N10
def namespaces(clients):
    client = clients(namespaces=("/", "/custom"))
    assert client.ask("echo", 1, namespace="/custom") == [1]
    assert client.ask("echo", 2, namespace="/") == [2]
    assert client.sio.get_sid("/custom") != client.sio.get_sid("/")


# Rows: N02 N15
def refusals(clients):
    for namespace in ("/auth", "/nowhere"):
        try:
            clients(namespaces=(namespace,), wait=1)  # this client waits that long also after a refusal
        except socketio.exceptions.ConnectionError:
            continue
        raise AssertionError(namespace + " let us in")


# Rows: reason/server-namespace-disconnect
def disconnected_by_the_server(clients):
    client = clients()
    client.sio.emit("kick", True)
    client.expect("disconnect")


# Rows: M22
def order(clients):
    client = clients()
    n = 9 if "polling" in TRANSPORTS else 100  # this client takes at most 16 packets in one payload
    client.sio.emit("burst", n)
    assert [client.expect("burst")[0] for _ in range(n)] == list(range(n))


CASES = [connects, auth_reaches_the_server, values_and_answers, binary, the_server_asks, rooms, namespaces, refusals,
         disconnected_by_the_server, order]


def run(case):
    opened = []

    def clients(**options):
        client = Client(**options)
        opened.append(client)
        return client

    try:
        case(clients)
        return {"name": case.__name__}
    except Exception:  # any failure is the case's result
        return {"name": case.__name__, "error": traceback.format_exc()}
    finally:
        for client in opened:
            client.sio.disconnect()


for case in CASES:
    print(json.dumps(run(case)), flush=True)
