"""Hostile hand-ins, one table entry each: what is done, where, and how the grading must end.

Every one of them has the exercise ``sgd_step`` wrong and all others right, so 23 of 27 points are
earned at most. ``where`` says where the code goes:

    call    into the body of sgd_step, before ``return theta + 1`` (runs when it is checked)
    cell    below the wrong sgd_step in its cell
    top     into a cell of its own at the top
    end     into a cell of its own at the end

``keeps`` says that the points of the other exercises must all be there: an attack that harms
only itself must cost nothing else, one that harms its own process may cost its own points.
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.grading.results import Status

MARKER = "hostile-hand-in"  # in every file and command line that an attack leaves
ARGUMENT = "86399.125"  # of the processes that try to survive: sleep 86399.125

G, E, T, M, C = (
    Status.GRADED,
    Status.ERROR,
    Status.TIMEOUT,
    Status.OUT_OF_MEMORY,
    Status.CRASHED,
)
ANY = frozenset({G, E, T, M, C})


@dataclass(frozen=True)
class Attack:
    """One hostile hand-in."""

    name: str
    where: str
    code: str
    ends: frozenset[Status]
    keeps: bool


def _attack(
    name: str, where: str, code: str, *ends: Status, keeps: bool = True, harms_itself: bool = False
) -> Attack:
    return Attack(name, where, code.strip("\n"), frozenset(ends) or ANY, keeps and not harms_itself)


ENDLESS = [
    _attack("endless loop in a call", "call", "while True: pass", T),
    _attack("endless loop in a cell", "top", "while True: pass", T),
    _attack("endless loop below the function", "cell", "while True: pass", T),
    _attack("sleeps in a call", "call", "import time; time.sleep(1000)", T),
    _attack(
        "endless loop that catches everything",
        "call",
        """
while True:
    try:
        while True: pass
    except BaseException: pass
""",
        T,
    ),
    _attack(
        "ignores every signal",
        "call",
        """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""",
        T,
    ),
    _attack(
        "stops itself",
        "call",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass",
        T,
    ),
    _attack("catastrophic regular expression", "call", "import re; re.match('(a+)+b', 'a'*60)", T),
    _attack("a number without end", "call", "10 ** (10 ** 10)", T, M),
    _attack("waits for input", "call", "input('go on?')", E),
    _attack("waits for input in a cell", "top", "name = input('your name?')", E),
    _attack("reads the real stdin", "call", "import os; os.read(0, 1)", G),
    _attack(
        "waits for a lock",
        "call",
        "import threading; a = threading.Lock(); a.acquire(); a.acquire()",
        T,
    ),
]

ENDS = [
    _attack("os._exit(0) in a call", "call", "import os; os._exit(0)", C),
    _attack("os._exit(0) in a cell", "top", "import os; os._exit(0)", C),
    _attack("sys.exit in a call", "call", "import sys; sys.exit(0)", E),
    _attack("sys.exit in a cell", "top", "import sys; sys.exit(0)", E),
    _attack("raises SystemExit with an odd value", "call", "raise SystemExit({1: 2})", E),
    _attack("raises KeyboardInterrupt", "call", "raise KeyboardInterrupt", E),
    _attack("raises GeneratorExit", "call", "raise GeneratorExit", E),
    _attack("kills itself", "call", "import os, signal; os.kill(os.getpid(), 9)\n1 / 0", E, M, C),
    _attack("aborts", "call", "import os; os.abort()", C),
    _attack("reads address 0", "call", "import ctypes; ctypes.string_at(0)", C),
    _attack("reads address 0 in a cell", "top", "import ctypes; ctypes.string_at(0)", C),
    _attack(
        "recursion bomb",
        "call",
        "import sys; sys.setrecursionlimit(10**9)\nf = lambda: f()\nf()",
        E,
        C,
        M,
        T,
    ),
    _attack("plain endless recursion", "call", "f = lambda: f()\nf()", E),
    _attack(
        "overwrites the interpreter",
        "call",
        f"import os; os.execv('/bin/sleep', ['sleep', '{ARGUMENT}'])",
        C,
    ),
    _attack(
        "an error that cannot be shown",
        "call",
        """
class Broken(Exception):
    def __str__(self): raise RuntimeError('no')
    __repr__ = __str__
raise Broken
""",
        E,
    ),
    _attack(
        "an error whose text kills",
        "call",
        """
import os
class Broken(Exception):
    def __str__(self): os._exit(3)
raise Broken
""",
        C,
    ),
    _attack(
        "an error with a long name and text",
        "call",
        "raise type('E' * 10**6, (Exception,), {})('x' * 10**7)",
        E,
    ),
    _attack(
        "an error that cannot be shown in a cell",
        "top",
        """
class Broken(Exception):
    def __str__(self): raise RuntimeError('no')
    __repr__ = __str__
raise Broken
""",
        E,
    ),
]

MEMORY = [
    _attack("10 GB in a call", "call", "x = bytearray(10 * 2**30)", M),
    _attack("10 GB in a cell", "top", "x = bytearray(10 * 2**30)", M),
    _attack("10 GB by NumPy in a call", "call", "x = np.ones(10 * 2**27)", M),
    _attack("10 GB by NumPy in a cell", "top", "import numpy\nx = numpy.ones(10 * 2**27)", M),
    _attack("grows step by step", "call", "x = []\nwhile True: x.append(bytearray(2**24))", M, T),
    _attack(
        "keeps its memory when it fails",
        "cell",
        "x = []\ntry:\n    while True: x.append(bytearray(2**24))\nexcept MemoryError: pass",
        harms_itself=True,
    ),
    _attack("hoards in shared memory", "call", "import mmap; x = mmap.mmap(-1, 10 * 2**30)", E, M),
]

PROCESSES = [
    _attack("fork bomb in a call", "call", "import os\nwhile True: os.fork()", harms_itself=True),
    _attack("fork bomb in a cell", "top", "import os\nwhile True: os.fork()", harms_itself=True),
    _attack(
        "fork bomb that goes on",
        "call",
        """
import os
while True:
    try: os.fork()
    except OSError: pass
""",
        T,
    ),
    _attack("a child comes back", "call", "import os; os.fork()", G, E),
    _attack("a child comes back from a cell", "top", "import os; child = os.fork()", G),
    _attack(
        "a child comes back that hides its number",
        "top",
        "import os\nos.getpid = lambda: 1\nfor i in range(3): child = os.fork()",
        harms_itself=True,
    ),
    _attack(
        "the parent ends, a child goes on",
        "call",
        "import os\nif os.fork(): os._exit(0)\nos.setsid()",
        C,
    ),
    _attack(
        "a child in its own session survives",
        "cell",
        f"""
import subprocess
subprocess.Popen(['sleep', '{ARGUMENT}'], start_new_session=True)
""",
        G,
    ),
    _attack(
        "a daemon survives",
        "call",
        f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv('/bin/sleep', ['sleep', '{ARGUMENT}'])
    os._exit(0)
""",
        harms_itself=False,
    ),
    _attack(
        "kills all that it can",
        "call",
        """
import os, signal
for pid in (os.getppid(), -1, 0, 1, 2, 3, *range(4, 3000)):
    for number in (signal.SIGTERM, signal.SIGKILL):
        try: os.kill(pid, number)
        except OSError: pass
""",
    ),
    _attack(
        "kills its process group",
        "call",
        "import os; os.killpg(os.getpgrp(), 9)",
    ),
    _attack(
        "hundreds of threads",
        "call",
        """
import threading, time
for i in range(500): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
""",
        E,
    ),
    _attack(
        "a thread that goes on after the call",
        "cell",
        """
import threading
def forever():
    while True: pass
threading.Thread(target=forever, daemon=True).start()
""",
        G,
    ),
    _attack(
        "leaves namespaces",
        "call",
        """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x10020000):
    assert libc.unshare(flag) != 0, 'unshare worked'
assert libc.mount(b'none', b'/tmp', b'tmpfs', 0, b'') != 0, 'mount worked'
assert libc.umount2(b'/proc', 2) != 0, 'umount worked'
assert libc.setuid(0) != 0, 'setuid worked'
assert libc.chroot(b'/tmp') != 0, 'chroot worked'
""",
        G,
    ),
    _attack(
        "looks into other processes",
        "call",
        """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in range(2, 200):
    assert libc.ptrace(16, pid, 0, 0) != 0, 'ptrace worked'
assert not os.path.exists('/proc/1/mem') and not os.path.exists('/proc/self/environ')
""",
        G,
    ),
    _attack(
        "unlimits itself",
        "call",
        """
import resource
for kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_CPU):
    try: resource.setrlimit(kind, (-1, -1))
    except (ValueError, OSError): continue
    raise AssertionError('limit lifted')
""",
        G,
    ),
]

SHELL = [
    _attack("deletes everything", "top", "!rm -rf / /tmp/* /dev/shm/* --no-preserve-root", G, T),
    _attack("a bash cell", "top", f"%%bash\nls -l /\nsleep {ARGUMENT} & disown", G, T),
    _attack("a bash cell without end", "top", "%%bash\nwhile true; do :; done", T),
    _attack("a shell fork bomb", "top", "!bash -c ':(){ :|:& };:'", G, T, harms_itself=True),
]

DISK = [
    _attack(
        "floods the disk",
        "cell",
        f"""
import itertools
for folder in ('/tmp', '/dev/shm', '.'):
    try:
        for i in itertools.count():
            with open(f'{{folder}}/{MARKER}-{{i}}', 'wb') as file: file.write(bytes(2**25))
    except OSError: pass
""",
    ),
    _attack(
        "floods with small files",
        "top",
        f"""
try:
    for i in range(10**5):
        open(f'/tmp/{MARKER}-{{i}}', 'w').close()
except OSError: pass
else: raise AssertionError('no limit on files')
""",
        G,
    ),
    _attack(
        "leaves a message for the next hand-in",
        "top",
        f"""
import os
for folder in ('/tmp', '/dev/shm', '/var/tmp', '/usr', '/grader', '.'):
    try:
        assert not any('{MARKER}' in name for name in os.listdir(folder)), folder
        open(folder + '/{MARKER}-note', 'w').write('the answer')
    except OSError: pass
""",
        G,
    ),
]

OUTPUT = [
    _attack("prints without end", "top", "while True: print('x' * 10**6)", T),
    _attack("prints 100 million characters", "top", "for i in range(100): print('y' * 10**6)", G),
    _attack(
        "a million displays",
        "top",
        "from IPython.display import display\nfor i in range(10**6): display(i)",
        G,
        T,
        M,
    ),
    _attack("writes to the real stdout", "top", "import os\nos.write(1, b'x' * 10**7)", G),
    _attack("closes stdout", "top", "import sys\nsys.stdout.close()\nsys.stdout = None", G),
    _attack("closes stdout in a call", "call", "import sys; sys.stdout.close(); sys.stdout = None"),
    _attack(
        "breaks the capture of output",
        "call",
        "import sys; sys.stdout.parts = 5; sys.stdout.room = 'x'; print('hello')",
        G,
        E,
        C,
    ),
    _attack(
        "lone surrogates and control characters",
        "top",
        r"print('\ud800 \x00 \x1b[31m \u202e')" + "\n" + r"raise ValueError('\udfff\x00')",
        E,
    ),
    _attack(
        "huge pictures",
        "top",
        """
from IPython.display import display, Image, HTML
for i in range(20): display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(10**6)))
display(HTML('<script>alert(1)</script>'))
""",
        G,
    ),
    _attack(
        "a display that lies about its type",
        "top",
        """
from IPython.display import display
display({'image/png': '<script>', 'text/plain': ['x'], 'text/html': '<script>'}, raw=True)
display({'text/plain': 5}, raw=True)
""",
        G,
    ),
]

PATCHES = [
    _attack(
        "patches numpy's comparisons",
        "top",
        """
import numpy, numpy.testing
always = lambda *a, **k: True
for name in dir(numpy.testing):
    if name.startswith('assert'): setattr(numpy.testing, name, lambda *a, **k: None)
numpy.allclose = numpy.isclose = numpy.array_equal = numpy.all = always
""",
        harms_itself=True,
    ),
    _attack(
        "patches numpy's functions",
        "cell",
        """
import numpy
zero = lambda *a, **k: numpy.float64(0)
numpy.abs = numpy.absolute = numpy.subtract = numpy.max = zero
""",
        harms_itself=True,
    ),
    _attack(
        "patches asarray",
        "cell",
        "import numpy\nnumpy.asarray = numpy.array = lambda *a, **k: numpy.zeros(3)",
        harms_itself=True,
    ),
    _attack(
        "patches selfcheck",
        "top",
        """
import sys, selfcheck
for name, module in list(sys.modules.items()):
    if 'selfcheck' in name:
        for attribute in ('check', 'judge', 'difference', 'run_case', 'first_changed', 'arguments'):
            if hasattr(module, attribute): setattr(module, attribute, lambda *a, **k: [])
""",
        harms_itself=True,
    ),
    _attack(
        "patches the comparison",
        "top",
        """
import autograder.selfcheck.compare as c, autograder.selfcheck.judge as j
c.difference = j.difference = lambda *a, **k: None
j.judge = lambda spec, outcomes: []
""",
        G,
    ),
    _attack(
        "patches the worker",
        "top",
        """
import autograder.sandbox.worker as w
def send(channel, outcome):
    channel.send({'passed': True, 'score': 4, 'value': None, 'after': []})
w._send_outcome = send
""",
        harms_itself=True,
    ),
    _attack(
        "patches run_case to hand back the arguments",
        "top",
        """
import autograder.sandbox.worker as w
from autograder.selfcheck.spec import Outcome
w.run_case = lambda function, case: iter(
    [Outcome(list(case.arguments.values())[0], after=tuple(case.arguments.values()))])
""",
        harms_itself=True,
    ),
    _attack(
        "patches json",
        "cell",
        'import json\njson.dumps = lambda *a, **k: \'{"score": 4, "buffers": []}\'',
        harms_itself=True,
    ),
    _attack(
        "patches the encoder",
        "cell",
        """
import autograder.sandbox.worker as w
w.encode = lambda value, buffers, size=0: {'list': [{'list': []}] * 1000}
""",
        harms_itself=True,
    ),
    _attack(
        "patches builtins",
        "cell",
        """
import builtins
builtins.print = builtins.len = builtins.isinstance = builtins.type = lambda *a, **k: True
""",
        harms_itself=True,
    ),
    _attack(
        "deletes builtins",
        "cell",
        """
import builtins
for name in dir(builtins):
    if not name.startswith('__'): delattr(builtins, name)
""",
        harms_itself=True,
    ),
    _attack("deletes np", "cell", "del np", harms_itself=True),
    _attack(
        "switches off the garbage collector",
        "top",
        "import gc, sys\ngc.disable()\nsys.setrecursionlimit(50_000)",
        G,
    ),
    _attack(
        "empties sys.modules",
        "cell",
        "import sys\nfor name in list(sys.modules): sys.modules[name] = None",
        harms_itself=True,
    ),
    _attack(
        "a trace function",
        "top",
        "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: 1 / 0)",
        harms_itself=True,
    ),
    _attack(
        "breaks IPython",
        "cell",
        "get_ipython().run_cell = None\nget_ipython().user_ns.clear()",
        harms_itself=True,
    ),
    _attack(
        "hooks of IPython",
        "top",
        """
ip = get_ipython()
ip.events.register('post_run_cell', lambda result: 1 / 0)
ip.set_custom_exc((Exception,), lambda *a, **k: 1 / 0)
ip.ast_transformers.append(5)
""",
        harms_itself=True,
    ),
    _attack("changes the folder", "top", "import os\nos.chdir('/')\nos.chroot = None", G),
    _attack(
        "redefines the function after its check", "end", "def sgd_step(t, g, r): return t - r*g", G
    ),
    _attack("is not a function", "cell", "sgd_step = 5", G),
    _attack(
        "a class that cannot be called",
        "cell",
        """
class Odd:
    def __call__(self, *a): return self
    def __getattr__(self, name): raise RuntimeError(name)
sgd_step = Odd()
""",
        G,
    ),
]

VALUES = [
    _attack(
        "an array that equals everything",
        "call",
        """
class Liar(np.ndarray):
    def __eq__(self, other): return True
    __sub__ = __rsub__ = __abs__ = lambda self, *a: np.zeros(self.shape)
    def __array__(self, *a, **k): return np.asarray(theta - lr * grad)
    def tobytes(self, *a): return bytes(self.nbytes)
    def __array_finalize__(self, *a): pass
return np.zeros(np.shape(theta)).view(Liar) + 1e6
""",
        G,
    ),
    _attack(
        "an object that claims to be an array",
        "call",
        """
class Fake:
    __class__ = np.ndarray
    shape, dtype, ndim = (3,), np.dtype(float), 1
    def __array__(self, *a, **k): raise RuntimeError
return Fake()
""",
        G,
        E,
    ),
    _attack(
        "an object that breaks when looked at",
        "call",
        """
class Broken(list):
    def __len__(self): raise ValueError
    __iter__ = __str__ = __repr__ = __eq__ = __bool__ = __hash__ = __len__
return Broken([1, 2])
""",
        G,
        E,
    ),
    _attack("a list without end", "call", "x = []; x.append(x); return x", G, E),
    _attack(
        "an iterator without end in a list",
        "call",
        """
class Endless(list):
    def __iter__(self):
        while True: yield 1
return Endless()
""",
        T,
        E,
    ),
    _attack("a huge array", "call", "return np.zeros((4000, 4000))", G, E),
    _attack(
        "a huge array of no memory", "call", "return np.broadcast_to(1.0, (10**5, 10**5))", G, E, M
    ),
    _attack(
        "an empty array of a huge shape", "call", "return np.zeros((0, 2**30, 2**30, 2**30))[:, :5]"
    ),
    _attack("many dimensions", "call", "return np.zeros((1,) * 64)"),
    _attack("a huge string", "call", "return 'x' * 10**8", G),
    _attack("a string for a number", "call", "return '<script>alert(1)</script>'", G),
    _attack("a million parts", "call", "return [0.0] * 10**6", G, E),
    _attack("nested lists", "call", "x = 0.0\nfor i in range(10**5): x = [x]\nreturn x", G, E),
    _attack("an array of objects", "call", "return np.array([theta, None, {}], dtype=object)", G),
    _attack("an array of text", "call", "return np.array(['a', 'b'])", G),
    _attack(
        "a structured array", "call", "return np.zeros(3, dtype=[('a', float), ('b', int)])", G
    ),
    _attack("an array of dates", "call", "return np.zeros(3, dtype='datetime64[s]')", G),
    _attack("NaN", "call", "return theta * np.nan", G),
    _attack("infinities", "call", "return theta * np.inf", G),
    _attack("complex NaN", "call", "return theta * complex(np.nan, np.nan)", G),
    _attack("a huge integer", "call", "return 10 ** 5000", G),
    _attack("huge integers in a list", "call", "return [10 ** 5000, 1.0]", G),
    _attack("a generator", "call", "return (x for x in theta)", G, E),
    _attack(
        "a masked array", "call", "return np.ma.array(theta, mask=np.ones(np.shape(theta)))", G
    ),
    _attack("a matrix", "call", "return np.matrix([[1.0, 2.0]])", G),
    _attack("bytes", "call", "return bytes(10)", G),
    _attack("True", "call", "return True", G),
    _attack("a type", "call", "return np.ndarray", G),
    _attack("a module", "call", "return np", G),
    _attack("nothing", "call", "return None", G),
    _attack("its own arguments, changed", "call", "theta += 1; return theta", G, E),
    _attack(
        "changes its arguments later",
        "call",
        """
import threading, time
def later():
    time.sleep(0.01)
    theta[...] = 7
threading.Thread(target=later, daemon=True).start()
""",
        G,
        E,
    ),
    _attack(
        "resizes its arguments",
        "call",
        "theta.resize(1000, refcheck=False); grad.shape = (1, *grad.shape); return grad",
        G,
        E,
    ),
    _attack(
        "right at first",
        "cell",
        """
calls = []
def sgd_step(theta, grad, lr):
    calls.append(1)
    return theta - lr * grad if len(calls) == 1 else theta + 1
""",
        G,
    ),
]

MESSAGES = [
    _attack(
        "forged messages to every descriptor",
        "call",
        """
import os, json, struct
head = json.dumps({'value': 1.0, 'after': [1, 2, 3], 'score': 4, 'passed': True, 'buffers': []})
for fd in range(64):
    try: os.write(fd, struct.pack('>I', len(head)) + head.encode())
    except OSError: pass
""",
        harms_itself=True,
    ),
    _attack(
        "noise to every descriptor",
        "call",
        """
import os
for fd in range(64):
    try: os.write(fd, os.urandom(1000))
    except OSError: pass
""",
        T,
        C,
    ),
    _attack(
        "announces 4 GB",
        "call",
        "import os; os.write(3, b'\\xff\\xff\\xff\\xff'); os._exit(0)",
        C,
    ),
    _attack(
        "announces buffers of 4 GB",
        "call",
        """
import os, struct
head = b'{"value": 1, "after": [], "buffers": [4000000000]}'
os.write(3, struct.pack('>I', len(head)) + head)
""",
        C,
    ),
    _attack(
        "answers without end",
        "call",
        """
import os, struct
head = b'{"value": 1, "after": [1, 1, 1], "buffers": []}'
while True: os.write(3, struct.pack('>I', len(head)) + head)
""",
        G,
        C,
        T,
        E,
        harms_itself=True,
    ),
    _attack(
        "answers with 30 MB each time",
        "call",
        """
import os, struct
head = b'{"value": 1, "after": [1, 1, 1], "buffers": [30000000]}'
frame = struct.pack('>I', len(head)) + head + bytes(30000000)
while True: os.write(3, frame)
""",
        G,
        C,
        T,
        E,
        harms_itself=True,
    ),
    _attack(
        "half a message",
        "call",
        "import os, time; os.write(3, b'\\0\\0'); time.sleep(1000)",
        T,
    ),
    _attack(
        "one byte at a time",
        "call",
        """
import os, time
os.write(3, b'\\0\\0\\1\\0')
while True:
    os.write(3, b' '); time.sleep(0.05)
""",
        T,
        C,
    ),
    _attack(
        "deeply nested messages",
        "call",
        """
import os, struct
for head in (b'[' * 10**6, b'{"error":' + b'[' * 980 + b']' * 980 + b',"buffers":[]}'):
    os.write(3, struct.pack('>I', len(head)) + head)
""",
        G,
        C,
        E,
        T,
    ),
    _attack(
        "messages of the wrong types",
        "top",
        """
import os, struct
for head in (b'{"text": 5, "displays": [[], 5, {"image/png": 7}], "error": [], "buffers": []}',
             b'{"text": null, "displays": 3, "error": {"name": {}, "text": []}, "buffers": []}'):
    os.write(3, struct.pack('>I', len(head)) + head)
""",
        harms_itself=True,
    ),
    _attack(
        "arrays that are none",
        "call",
        """
import os, json, struct
def array(**changes):
    content = dict(dtype='<f8', shape=[1], buffer=0, layout='C', readonly=False)
    return {'array': {**content, **changes}}
for tree in (array(dtype='3f8'), array(dtype=',f8'), array(dtype='<f9'), array(dtype=5),
             array(shape=[0] + [2**31 - 1] * 5), array(shape=-1), array(shape=[1.5]),
             array(buffer=7), array(buffer=True), array(layout=[]), array(readonly=[]),
             {'array': []}, {'float': {}}, {'tuple': 5}, {}, [], {'a': 1, 'b': 2},
             {'unsupported': 'x' * 10**5}, {'list': [{'list': [[]]}]}):
    head = json.dumps({'value': tree, 'after': [tree] * 3, 'buffers': [8]}).encode()
    os.write(3, struct.pack('>I', len(head)) + head + bytes(8))
""",
        harms_itself=True,
    ),
    _attack("closes every descriptor", "call", "import os; os.closerange(0, 64)", C),
    _attack("closes every descriptor in a cell", "top", "import os; os.closerange(0, 64)", C),
    _attack(
        "turns the descriptors round",
        "call",
        "import os\nfor fd in (0, 1, 2, 4, 5): os.dup2(3, fd)\nos.dup2(0, 3)",
        G,
    ),
    _attack(
        "answers the next question too early",
        "cell",
        """
import os, struct
head = b'{"text": "", "displays": [], "error": null, "buffers": []}'
for i in range(50): os.write(3, struct.pack('>I', len(head)) + head)
""",
        harms_itself=True,
    ),
]

SECRETS = [
    _attack(
        "reads the sources",
        "top",
        """
import os
for folder in ('{ROOT}/solutions', '{ROOT}/tests', '{ROOT}/.git', '{ROOT}/autograder/exercises',
               '{ROOT}/autograder/reference', '{ROOT}/autograder/grading', '{COURSE}'):
    try: found = os.listdir(folder)
    except OSError: continue
    raise AssertionError(folder + ' is there: ' + ' '.join(found))
for file in ('{COURSE}/gradebook.db', '{ROOT}/autograder/exercises/ps01.py', '/etc/passwd',
             '/etc/shadow', '{HOME}/.bashrc'):
    assert not os.path.exists(file), file
""",
        G,
    ),
    _attack(
        "imports the reference",
        "top",
        """
import importlib
for name in ('autograder.exercises', 'autograder.reference', 'autograder.grading',
             'autograder.exercises.ps01', 'autograder.paths', 'autograder.release'):
    try: importlib.import_module(name)
    except ImportError: continue
    raise AssertionError(name)
""",
        G,
    ),
    _attack(
        "searches the whole disk",
        "top",
        """
import os
for folder, folders, files in os.walk('/'):
    folders[:] = [f for f in folders if f not in ('usr', 'proc', 'sys', 'lib', 'site-packages')]
    for file in files:
        assert file not in ('gradebook.db', 'ps01.py', 'ps01-sgd.py', 'ps01-sgd.ipynb'), folder
""",
        G,
    ),
    _attack(
        "reads the environment and its arguments",
        "top",
        """
import os, sys
text = repr(dict(os.environ)) + repr(sys.argv) + repr(sys.orig_argv)
assert '{COURSE}' not in text, text
wanted = {'PATH', 'HOME', 'LANG', 'PWD', 'MPLCONFIGDIR', 'MPLBACKEND', 'IPYTHONDIR',
          'PYTHONDONTWRITEBYTECODE', 'LC_CTYPE', 'CUDA_VISIBLE_DEVICES'}
others = {name for name in os.environ if not name.endswith('_NUM_THREADS')} - wanted
assert not others, others
""",
        G,
    ),
    _attack(
        "the network",
        "top",
        """
import socket, urllib.request
for address in (('127.0.0.1', 22), ('1.1.1.1', 53), ('169.254.169.254', 80), ('::1', 22)):
    try: socket.create_connection(address, timeout=1)
    except OSError: continue
    raise AssertionError(address)
try: urllib.request.urlopen('http://example.org', timeout=1)
except OSError: pass
else: raise AssertionError('network')
names = [name for _, name in socket.if_nameindex()]
assert names in ([], ['lo']), names
""",
        G,
    ),
    _attack(
        "sockets of this machine",
        "top",
        """
import socket
for path in ('/var/run/docker.sock', '/run/dbus/system_bus_socket', '/run/systemd/notify'):
    s = socket.socket(socket.AF_UNIX)
    try: s.connect(path)
    except OSError: continue
    raise AssertionError(path)
""",
        G,
    ),
    _attack(
        "replays the public cases",
        "call",
        """
from selfcheck.check import public_exercises
for check in public_exercises()['sgd_step'].checks:
    for case in check.cases:
        values = list(case.case.arguments.values())
        given = dict(case.case.arguments)
        for i, step in enumerate(case.case.steps or ({},)):
            given.update(step)
            now = [given[name] for name in ('theta', 'grad', 'lr')]
            if i: now[0] = case.expected[i - 1].value
            if all(np.shape(a) == np.shape(b) and np.allclose(a, b)
                   for a, b in zip(now, (theta, grad, lr))):
                return case.expected[i].value
""",
        G,
    ),
]

LOOKING = [
    _attack(
        "looks for expected values in frames",
        "call",
        """
import sys
frame = sys._getframe()
while frame is not None:
    for name, value in frame.f_locals.items():
        assert name not in ('expected', 'mistakes', 'spec'), name
        assert type(value).__name__ not in ('CaseSpec', 'CheckSpec', 'ExerciseSpec'), name
    frame = frame.f_back
""",
        G,
    ),
    _attack(
        "looks for expected values in all objects",
        "call",
        """
import gc
from selfcheck.check import public_exercises
from autograder.selfcheck.spec import CaseSpec
from selfcheck.spec import CaseSpec as OtherCaseSpec
gc.unfreeze() if hasattr(gc, 'unfreeze') else None
wanted = theta - lr * grad
public = {id(c) for e in public_exercises().values() for k in e.checks for c in k.cases}
for found in gc.get_objects():
    if type(found) in (CaseSpec, OtherCaseSpec):
        assert found.case.public and id(found) in public, 'a held-out case'
""",
        G,
    ),
]

ATTACKS = [
    *LOOKING,
    *ENDLESS,
    *ENDS,
    *MEMORY,
    *PROCESSES,
    *SHELL,
    *DISK,
    *OUTPUT,
    *PATCHES,
    *VALUES,
    *MESSAGES,
    *SECRETS,
]
