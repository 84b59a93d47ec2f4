"""Code that never ends, or ends the process."""

from .attack import ARGUMENT, EXHAUSTS, C, Corpus, E, G, M, P, T

LOOPS = Corpus("endless loops and waits")
add = LOOPS.code

add("endless loop in a call", "call", "while True: pass", T)
add("endless loop in a cell", "top", "while True: pass", T)
add("endless loop below the function", "cell", "while True: pass", T)
add("sleeps in a call", "call", "import time; time.sleep(1000)", T)
add(
    "endless loop that catches everything",
    "call",
    """
while True:
    try:
        while True: pass
    except BaseException: pass
""",
    T,
)
add(
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
)
add(
    "blocks every signal",
    "call",
    """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True: pass
""",
    T,
)
add(
    "stops itself",
    "call",
    "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass",
    T,
)
add("catastrophic regular expression", "call", "import re; re.match('(a+)+b', 'a'*60)", T)
add("a loop inside C", "call", "sum(iter(int, 1))", T)
add(
    "sleeps in C and holds the interpreter",
    "call",
    "import ctypes\nctypes.PyDLL(None).sleep(1000)",
    T,
)
add("a number without end", "call", "10 ** (10 ** 10)", T, M, not_at_stock=EXHAUSTS)
add(
    "a value whose text takes forever",
    "top",
    """
class Endless:
    def __repr__(self):
        while True: pass
Endless()
""",
    T,
)
add(
    "an object that never dies",
    "call",
    """
class Undead:
    def __del__(self):
        while True: pass
Undead()
""",
    T,
)
add(
    "a loop at exit",
    "top",
    """
import atexit
def forever():
    while True: pass
atexit.register(forever)
""",
    G,
)
add("a coroutine that never ends", "top", "import asyncio\nawait asyncio.sleep(1000)", T)
add("waits for input", "call", "input('go on?')", E)
add("waits for input in a cell", "top", "name = input('your name?')", E)
add("reads the real stdin", "call", "import os; os.read(0, 1)", G)
add("waits for a debugger", "call", "breakpoint()", E, G, T)
add("switches the debugger on", "top", "%pdb on\n1 / 0", E, T)
add(
    "waits for a lock",
    "call",
    "import threading; a = threading.Lock(); a.acquire(); a.acquire()",
    T,
)
add(
    "waits for a pipe that nobody writes",
    "call",
    "import os; os.mkfifo('/tmp/pipe'); open('/tmp/pipe')",
    T,
    E,
)
add(
    "waits for a child that does not end",
    "call",
    """
import os, time
if os.fork() == 0:
    time.sleep(1000)
os.wait()
""",
    T,
)
add("takes nearly the time allowed in each call", "call", "import time; time.sleep(1.8)", T, G)
add("an alarm clock", "cell", "import signal; signal.alarm(1)", harms_itself=True)
add(
    "timers that go on and on",
    "cell",
    """
import signal
signal.signal(signal.SIGALRM, lambda *a: 1 / 0)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
""",
    harms_itself=True,
)

ENDS = Corpus("exits and crashes")
add = ENDS.code

add("os._exit(0) in a call", "call", "import os; os._exit(0)", C)
add("os._exit(0) in a cell", "top", "import os; os._exit(0)", C)
add(
    "os._exit(0) once the answer has been right", "call", "import os; os._exit(0)", C, regraded=True
)
add("sys.exit in a call", "call", "import sys; sys.exit(0)", E)
add("sys.exit in a cell", "top", "import sys; sys.exit(0)", E)
add("exit() in a cell", "top", "exit()", G, E, C)
add("raises SystemExit with an odd value", "call", "raise SystemExit({1: 2})", E)
add("raises KeyboardInterrupt", "call", "raise KeyboardInterrupt", E)
add("raises GeneratorExit", "call", "raise GeneratorExit", E)
add("raises StopIteration", "call", "raise StopIteration(theta)", E)
add(
    "raises a group of exceptions",
    "call",
    "raise BaseExceptionGroup('x', [SystemExit(0), KeyboardInterrupt()])",
    E,
)
add("raises MemoryError", "call", "raise MemoryError", M)
add("claims not to be answered", "call", "raise NotImplementedError", P)
add("raises a class of exceptions, not one", "call", "raise Exception", E)
add("raises a warning", "call", "raise UserWarning('points: 4')", E)
add(
    "raises itself as its own cause",
    "call",
    "e = Exception('x'); e.__cause__ = e; e.__context__ = e; raise e",
    E,
)
add("kills itself", "call", "import os, signal; os.kill(os.getpid(), 9)\n1 / 0", E, M, C)
add("terminates itself", "call", "import os, signal; os.kill(os.getpid(), 15)\n1 / 0", E, M, C)
add("aborts", "call", "import os; os.abort()", C)
add("reads address 0", "call", "import ctypes; ctypes.string_at(0)", C)
add("reads address 0 in a cell", "top", "import ctypes; ctypes.string_at(0)", C)
add(
    "reads address 0 once the answer has been right",
    "top",
    "import ctypes; ctypes.string_at(0)",
    C,
    regraded=True,
)
add("overflows the stack of C", "call", "import faulthandler; faulthandler._stack_overflow()", C, M)
add(
    "code that is no code",
    "call",
    """
def f(): pass
f.__code__ = f.__code__.replace(co_code=bytes(range(1, 255)) * 4, co_stacksize=1)
f()
""",
    harms_itself=False,
)
add(
    "recursion bomb",
    "call",
    "import sys; sys.setrecursionlimit(10**9)\nf = lambda: f()\nf()",
    E,
    C,
    M,
    T,
)
add("plain endless recursion", "call", "f = lambda: f()\nf()", E)
add("source nested too deeply to be compiled", "top", "x = " + "(" * 5000 + ")" * 5000, E, M)
add("source with an expression a mile long", "top", "x = 0" + "+1" * 60_000, E, G, M, C)
add(
    "overwrites the interpreter",
    "call",
    f"import os; os.execv('/bin/sleep', ['sleep', '{ARGUMENT}'])",
    C,
)
add(
    "an error that cannot be shown",
    "call",
    """
class Broken(Exception):
    def __str__(self): raise RuntimeError('no')
    __repr__ = __str__
raise Broken
""",
    E,
)
add(
    "an error whose text kills",
    "call",
    """
import os
class Broken(Exception):
    def __str__(self): os._exit(3)
raise Broken
""",
    C,
)
add(
    "an error whose text takes forever",
    "call",
    """
class Broken(Exception):
    def __str__(self):
        while True: pass
raise Broken
""",
    T,
)
add(
    "an error whose class has no name",
    "call",
    """
class Nameless(type):
    __name__ = property(lambda self: 1 / 0)
class Broken(Exception, metaclass=Nameless): pass
raise Broken
""",
    E,
    C,
)
add(
    "an error with a long name and text",
    "call",
    "raise type('E' * 10**6, (Exception,), {})('x' * 10**7)",
    E,
)
add(
    "an error with control characters in name and text",
    "top",
    r"raise type('E\x1b[31m\n\u202e\x9b2J', (Exception,), {})"
    r"('\x1b]0;title\x07\x08\x08\r\x7f\x9b2J\u202etxet')",
    E,
)
add(
    "an error that cannot be shown in a cell",
    "top",
    """
class Broken(Exception):
    def __str__(self): raise RuntimeError('no')
    __repr__ = __str__
raise Broken
""",
    E,
)
add(
    "raises wherever it is looked at",
    "cell",
    """
class Broken(BaseException):
    def __getattribute__(self, name): raise Broken
def sgd_step(theta, grad, lr): raise Broken
""",
    E,
    C,
)
add(
    "every answer claims not to be there",
    "end",
    """
def sgd_step(*a): raise NotImplementedError
softmax_cross_entropy = minibatch_gradient = linear_decay = clip_by_norm = sgd_step
""",
    G,
)

add(
    "every answer ends the process",
    "end",
    """
import os
gone = lambda *a: __import__('os')._exit(1)
for function in (softmax_cross_entropy, minibatch_gradient, sgd_step, linear_decay,
                 clip_by_norm, condition_number):
    function.__code__ = gone.__code__
""",
    G,
)

ATTACKS = [*LOOPS.attacks, *ENDS.attacks]
