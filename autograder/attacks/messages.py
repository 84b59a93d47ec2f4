"""Code that speaks to the grader in the worker's place, through descriptor 3."""

from __future__ import annotations

from autograder.results.result import Status

from .attack import C, Corpus, E, T, Where

FORGERY = Corpus("forged messages")

# a message in the grader's own format, and outcomes as the worker sends them
_TOOLS = """
import json, os, struct, time
def frame(head, body=b'', last=1):
    return struct.pack('>BII', last, len(head), len(body)) + head + body
def outcomes(value, count=1, **more):
    entries = [{'case': i, 'value': value, 'after': [1, 1, 1], **more} for i in range(count)]
    return json.dumps({'outcomes': entries, 'buffers': []}).encode()
shown = json.dumps({'text': '', 'displays': [], 'error': None, 'buffers': []}).encode()
"""


def add(name: str, where: Where, code: str, *ends: Status, harms_itself: bool = True) -> None:
    """Write down an attack that may use the tools."""
    own = "speaks this grader's own protocol"
    FORGERY.code(name, where, _TOOLS + code, *ends, harms_itself=harms_itself, not_at_stock=own)


add(
    "forged outcomes to every descriptor",
    "call",
    """
for fd in range(64):
    try: os.write(fd, frame(outcomes(1.0, score=4, passed=True)))
    except OSError: pass
""",
)
add(
    "noise to every descriptor",
    "call",
    """
for fd in range(64):
    try: os.write(fd, os.urandom(1000))
    except OSError: pass
""",
)
add("announces 4 GB", "call", "os.write(3, b'\\xff' * 9); os._exit(0)", C, harms_itself=False)
add(
    "announces buffers of 4 GB",
    "call",
    "os.write(3, struct.pack('>BII', 1, 30, 4000000000) + b' ' * 30)",
    C,
    harms_itself=False,
)
for told, lengths in (
    ("negative buffers", "[-1, 9]"),
    ("buffers that are true", "[true, true]"),
    ("a million empty buffers", "[8,' + b'0,' * 10**6 + b'0]"),
    ("buffers longer than numbers go", "[' + b'9' * 5000 + b']"),
    ("buffers of half a byte", "[0.5]"),
    ("a thousand buffers that add up", "[' + b'1000000,' * 1000 + b'1]"),
    ("buffers that overlap", "[8, 8, 8]"),
):
    add(
        f"announces {told}",
        "call",
        f"""
head = b'{{"outcomes": [{{"case": 0, "value": 1}}], "buffers": {lengths}}}'
os.write(3, frame(head, bytes(8), last=0))
""",
    )
add("answers without end", "call", "while True: os.write(3, frame(outcomes(1), last=0))")
add(
    "a million small messages",
    "cell",
    'os.write(3, frame(b\'{"outcomes": [], "buffers": []}\', last=0) * 10**6)',
)
add("a million empty messages", "cell", "os.write(3, bytes(9) * 10**6)")
add(
    "messages of one byte from a thread, without end",
    "cell",
    """
import threading
def forever():
    while True: os.write(3, b'\\0')
threading.Thread(target=forever, daemon=True).start()
""",
)
add(
    "answers with 30 MB each time",
    "call",
    """
big = frame(b'{"outcomes": [], "buffers": [30000000]}', bytes(30000000), last=0)
while True: os.write(3, big)
""",
)
add(
    "a heading of 4 MB each time",
    "top",
    """
text = 'x' * (2**22 - 200)
head = json.dumps({'text': text, 'displays': [], 'error': None, 'buffers': []}).encode()
for i in range(30): os.write(3, frame(head))
""",
)
add("half a message", "call", "os.write(3, b'\\0\\0'); time.sleep(1000)", T, harms_itself=False)
add(
    "one byte at a time",
    "call",
    """
os.write(3, b'\\1\\0\\0\\1\\0\\0\\0\\0\\0')
while True:
    os.write(3, b' '); time.sleep(0.05)
""",
    T,
    C,
    harms_itself=False,
)
add(
    "deeply nested messages",
    "call",
    """
nested = b'[' * 980 + b']' * 980
for head in (b'[' * 10**6, b'{"outcomes":' + nested + b',"buffers":[]}',
             b'{"outcomes": [{"case": 0, "value": ' + b'{"list": [' * 400 + b']}' * 400 + b'}]}'):
    os.write(3, frame(head, last=0))
""",
)
add(
    "messages of the wrong types",
    "top",
    """
for head in (b'{"text": 5, "displays": [[], 5, {"image/png": 7}], "error": [], "buffers": []}',
             b'{"text": null, "displays": 3, "error": {"name": {}, "text": []}, "buffers": []}'):
    os.write(3, frame(head))
""",
)
add(
    "messages that are no objects",
    "top",
    """
for head in (b'', b'[]', b'5', b'null', b'NaN', b'{"buffers": [], "buffers": [8]}',
             b'\\xff\\xfe{', b'\\xef\\xbb\\xbf{"buffers": []}',
             '{"buffers": []}'.encode('utf-16'), b'{}', b'1e999'):
    os.write(3, frame(head))
""",
)
add(
    "arrays that are none",
    "call",
    """
def array(**changes):
    content = dict(dtype='<f8', shape=[1], buffer=0, layout='C', readonly=False)
    return {'array': {**content, **changes}}
for tree in (array(dtype='3f8'), array(dtype=',f8'), array(dtype='<f9'), array(dtype=5),
             array(shape=[0] + [2**31 - 1] * 5), array(shape=-1), array(shape=[1.5]),
             array(buffer=7), array(buffer=True), array(layout=[]), array(readonly=[]),
             {'array': []}, {'float': {}}, {'tuple': 5}, {}, [], {'a': 1, 'b': 2},
             {'unsupported': 'x' * 10**5}, {'list': [{'list': [[]]}]}):
    entry = {'case': 0, 'value': tree, 'after': [tree] * 3}
    head = json.dumps({'outcomes': [entry], 'buffers': [8]}).encode()
    os.write(3, frame(head, bytes(8), last=0))
""",
)
add(
    "outcomes of cases that there are not",
    "call",
    """
for case in (-1, 10**9, 0.5, '0', None, True, [0], {}, 2**70):
    head = json.dumps({'outcomes': [{'case': case, 'value': 1}], 'buffers': []}).encode()
    os.write(3, frame(head, last=0))
""",
)
add(
    "outcomes that are errors of odd kinds",
    "call",
    """
for error in (None, [], {}, 5, '', 'x' * 10**6, '<script>', 'NotImplementedError', True):
    entry = {'case': 0, 'error': error, 'detail': {'points': 4}}
    os.write(3, frame(json.dumps({'outcomes': [entry], 'buffers': []}).encode(), last=0))
""",
)
add(
    "more outcomes than calls",
    "call",
    "for i in range(200): os.write(3, frame(outcomes(1, count=3), last=0))",
)
add(
    "a hundred thousand outcomes in a message",
    "call",
    "os.write(3, frame(json.dumps({'outcomes': [{'case': 0}] * 10**5, 'buffers': []}).encode()))",
)
add(
    "an answer that never says that it is the last",
    "cell",
    """
import sys
def without_end(pack):
    return lambda *a, **k: b'\\0' + pack(*a, **k)[1:]
for module in list(sys.modules.values()):
    for name in ('packed', 'packed_parts'):
        if hasattr(module, name): setattr(module, name, without_end(getattr(module, name)))
""",
)
for layout in ("C", "strided"):
    add(
        f"one buffer named in all values ({layout})",
        "call",
        f"""
array = {{'array': {{'dtype': '<f8', 'shape': [2**18], 'buffer': 0, 'layout': '{layout}',
                   'readonly': False}}}}
entries = [{{'case': i, 'value': array, 'after': [array] * 3}} for i in range(10)]
head = json.dumps({{'outcomes': entries, 'buffers': [2**21]}}).encode()
for i in range(15):
    try: os.write(3, frame(head, bytes(2**21), last=0))
    except OSError: pass
""",
    )
for what, unit in (("lists", "[],"), ("objects", "{},"), ("nested lists", "[[[[]]]],")):
    add(
        f"a message of nothing but {what}",
        "call",
        f"""
head = '{{"outcomes": [' + {unit!r} * (2**21 // {len(unit)}) + '0], "buffers": []}}'
for i in range(8):
    try: os.write(3, frame(head.encode(), last=0))
    except OSError: pass
""",
    )
add(
    "an array of a shape that has no bytes, in all values",
    "call",
    """
array = {'array': {'dtype': '<f8', 'shape': [2**31 - 1, 0], 'buffer': 0, 'layout': 'strided',
                   'readonly': False}}
entries = [{'case': i, 'value': array} for i in range(4)]
os.write(3, frame(json.dumps({'outcomes': entries, 'buffers': [0]}).encode(), last=0))
""",
)
add(
    "answers through the worker's own channel",
    "call",
    """
import sys
held = sys._getframe()
while held is not None:
    for value in list(held.f_locals.values()):
        if type(value).__name__ == 'Channel':
            for i in range(100): value.send({'outcomes': [{'case': 0, 'value': 4}], 'score': 4})
    held = held.f_back
""",
)
add(
    "says that nothing was asked",
    "call",
    """
for head in (b'{"absent": "sgd_step", "buffers": []}', b'{"outcomes": [], "buffers": []}'):
    os.write(3, frame(head))
""",
)
add("closes every descriptor", "call", "os.closerange(0, 64)", C, harms_itself=False)
add("closes every descriptor in a cell", "top", "os.closerange(0, 64)", C, harms_itself=False)
for what in ("SHUT_RD", "SHUT_WR", "SHUT_RDWR"):
    add(
        f"shuts its end of the socket ({what})",
        "call",
        f"import socket; socket.socket(fileno=3).shutdown(socket.{what})",
    )
add("does not wait on its end of the socket", "cell", "os.set_blocking(3, False)")
add(
    "sends urgent data",
    "cell",
    """
import socket
s = socket.socket(fileno=3)
for i in range(10):
    try: s.send(b'!', socket.MSG_OOB)
    except OSError: pass
s.detach()
""",
)
add(
    "hands its descriptors to the grader",
    "cell",
    """
import socket
s = socket.socket(fileno=3)
pipes = [end for i in range(20) for end in os.pipe()]
for i in range(100): socket.send_fds(s, [frame(shown)], pipes)
s.detach()
""",
)
add(
    "reads the orders before the worker does",
    "cell",
    """
import threading
def forever():
    while True: os.read(3, 1 << 16)
threading.Thread(target=forever, daemon=True).start()
""",
)
add(
    "turns the descriptors round",
    "call",
    "for fd in (0, 1, 2, 4, 5): os.dup2(3, fd)\nos.dup2(0, 3)",
    C,
    harms_itself=True,
)
add(
    "puts a pipe in the place of the socket",
    "call",
    "r, w = os.pipe()\nos.dup2(w, 3)",
    C,
    T,
    E,
    harms_itself=False,
)
add(
    "a child answers in the parent's place",
    "call",
    """
if os.fork() == 0:
    for i in range(100): os.write(3, frame(outcomes(4))); time.sleep(0.001)
    os._exit(0)
""",
)
add(
    "answers the next question too early",
    "cell",
    "for i in range(50): os.write(3, frame(shown))",
)
add(
    "answers for all checks at once, and goes",
    "cell",
    """
os.write(3, frame(shown) * 20 + frame(outcomes(4, count=2)) * 20)
os._exit(0)
""",
)

ATTACKS = FORGERY.attacks
