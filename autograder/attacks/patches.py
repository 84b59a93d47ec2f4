"""Code that changes the tools it is judged with: NumPy, IPython, Python, the checks."""

from __future__ import annotations

from autograder.results.result import Status

from .attack import Corpus, E, G, Where

LIBRARIES = Corpus("patches of Python, NumPy, IPython, checks")
add = LIBRARIES.code

add(
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
)
add("patches just allclose", "top", "import numpy\nnumpy.allclose = lambda *a, **k: True", G)
add(
    "patches numpy's functions",
    "cell",
    """
import numpy
zero = lambda *a, **k: numpy.float64(0)
numpy.abs = numpy.absolute = numpy.subtract = numpy.max = zero
""",
    harms_itself=True,
)
add(
    "patches asarray",
    "cell",
    "import numpy\nnumpy.asarray = numpy.array = lambda *a, **k: numpy.zeros(3)",
    harms_itself=True,
)
add(
    "patches the methods of arrays from below",
    "cell",
    """
import gc
for name in ('tobytes', 'view', '__eq__', '__sub__', '__abs__'):
    gc.get_referents(np.ndarray.__dict__)[0][name] = lambda self, *a, **k: np.zeros(3)
""",
    harms_itself=True,
)
add(
    "makes numpy raise on everything",
    "top",
    """
import numpy, warnings
numpy.seterr(all='raise')
warnings.simplefilter('error')
numpy.set_printoptions(formatter={'all': lambda x: 1 / 0})
""",
    harms_itself=True,
)
add(
    "writes over small integers",
    "cell",
    """
import ctypes
for number in range(2, 5):
    ctypes.c_ssize_t.from_address(id(number) + 24).value = 1
""",
    harms_itself=True,
)
add(
    "writes over True",
    "cell",
    """
import ctypes
ctypes.memmove(id(False), id(True), 32)
""",
    harms_itself=True,
)
add(
    "writes into the type of floats",
    "cell",
    """
import ctypes, gc
gc.get_referents(float.__dict__)[0]['__eq__'] = lambda a, b: True
ctypes.pythonapi.PyType_Modified(ctypes.py_object(float))
""",
    harms_itself=True,
)
add(
    "frees what it does not own",
    "call",
    """
import ctypes
for thing in (None, np, theta, type, ()):
    for i in range(1000): ctypes.pythonapi.Py_DecRef(ctypes.py_object(thing))
""",
    harms_itself=True,
)
add(
    "writes over memory at random",
    "call",
    """
import ctypes
start = id(object())
for i in range(1, 2000): ctypes.memset(start + 4096 * i, 255, 64)
""",
    harms_itself=True,
)
add(
    "patches builtins",
    "cell",
    """
import builtins
builtins.print = builtins.len = builtins.isinstance = builtins.type = lambda *a, **k: True
""",
    harms_itself=True,
)
add(
    "deletes builtins",
    "cell",
    """
import builtins
for name in dir(builtins):
    if not name.startswith('__'): delattr(builtins, name)
""",
    harms_itself=True,
)
add(
    "patches import",
    "cell",
    """
import builtins, sys
builtins.__import__ = lambda *a, **k: 1 / 0
sys.meta_path.clear(); sys.path.clear()
""",
    harms_itself=True,
)
add(
    "puts modules of its own in front",
    "top",
    """
import os, sys
os.makedirs('/tmp/mine', exist_ok=True)
for name in ('json', 'struct', 'socket', 'numpy', 'selfcheck', 'autograder', 'base64'):
    open(f'/tmp/mine/{name}.py', 'w').write('allclose = lambda *a, **k: True\\ncheck = print\\n')
    sys.modules.pop(name, None)
sys.path.insert(0, '/tmp/mine')
""",
    harms_itself=True,
)
add("deletes np", "cell", "del np", harms_itself=True)
add(
    "switches off the garbage collector",
    "top",
    "import gc, sys\ngc.disable()\nsys.setrecursionlimit(50_000)",
    G,
)
add(
    "empties sys.modules",
    "cell",
    "import sys\nfor name in list(sys.modules): sys.modules[name] = None",
    harms_itself=True,
)
add(
    "a trace function",
    "top",
    "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: 1 / 0)",
    harms_itself=True,
)
add(
    "a trace function that changes what others return",
    "cell",
    """
import sys
def trace(frame, event, argument):
    if event == 'return' and 'passed' in frame.f_locals: frame.f_locals['passed'] = True
    frame.f_trace_opcodes = True
    return trace
sys.settrace(trace)
""",
    harms_itself=True,
)
add(
    "hooks into everything that is audited",
    "cell",
    """
import sys
def hook(event, arguments):
    if event not in ('object.__getattr__',): raise RuntimeError(event)
sys.addaudithook(hook)
""",
    harms_itself=True,
)
add(
    "hooks for errors",
    "top",
    """
import os, sys, threading
sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *a: os._exit(0)
sys.displayhook = lambda value: None
""",
    G,
)
add(
    "hands the interpreter to one thread",
    "cell",
    """
import sys, threading
sys.setswitchinterval(1000)
def forever():
    while True: pass
threading.Thread(target=forever, daemon=True).start()
""",
    harms_itself=True,
)
add(
    "breaks IPython",
    "cell",
    "get_ipython().run_cell = None\nget_ipython().user_ns.clear()",
    harms_itself=True,
)
add(
    "hooks of IPython",
    "top",
    """
ip = get_ipython()
ip.events.register('post_run_cell', lambda result: 1 / 0)
ip.set_custom_exc((Exception,), lambda *a, **k: 1 / 0)
ip.ast_transformers.append(5)
""",
    harms_itself=True,
)
add(
    "IPython swallows failed asserts",
    "top",
    """
get_ipython().set_custom_exc((AssertionError,), lambda *a, **k: None)
""",
    G,
)
add(
    "IPython shows no errors",
    "top",
    """
ip = get_ipython()
ip.showtraceback = ip._showtraceback = ip.showsyntaxerror = lambda *a, **k: None
""",
    G,
)
add(
    "IPython drops the asserts of later cells",
    "top",
    """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Drop())
""",
    G,
)
add(
    "IPython reads other source than it is given",
    "top",
    """
def without_checks(lines):
    return [] if any('sgd_step(' in line and 'def ' not in line for line in lines) else lines
get_ipython().input_transformers_cleanup.append(without_checks)
""",
    G,
)
add(
    "IPython runs nothing any more",
    "cell",
    """
ip = get_ipython()
class Done:
    success, result, error_before_exec, error_in_exec = True, None, None, None
    execution_count = 1
async def run_cell_async(*a, **k): return Done()
ip.run_cell_async = run_cell_async
ip.run_cell = lambda *a, **k: Done()
""",
    harms_itself=True,
)
add(
    "the names of the notebook lie",
    "cell",
    """
class Names(dict):
    def get(self, name, default=None): return Names.forged
    def __getitem__(self, name): return Names.forged
Names.forged = lambda *a: 4
ip = get_ipython()
object.__setattr__(ip, 'user_ns', Names(ip.user_ns))
""",
    harms_itself=True,
)
add("changes the folder", "top", "import os\nos.chdir('/')\nos.chroot = None", G)
add(
    "shows full marks",
    "end",
    """
from IPython.display import display
display({'text/plain': '✓ 27 of 27 points', 'application/x-score': '27'}, raw=True)
print('27/27')
27.0
""",
    G,
)

CHECKS = Corpus("patches of Python, NumPy, IPython, checks")


def patch(name: str, where: Where, code: str, *ends: Status, harms_itself: bool = False) -> None:
    """Write down an attack on what only this grader has."""
    own = "patches this grader's own checks"
    CHECKS.code(name, where, code, *ends, harms_itself=harms_itself, not_at_stock=own)


patch(
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
)
patch(
    "patches the comparison",
    "top",
    """
import autograder.selfcheck.compare as c, autograder.selfcheck.judge as j
c.difference = j.difference = lambda *a, **k: None
j.judge = lambda spec, outcomes: []
""",
    G,
    E,
)
patch(
    "patches all functions of the worker",
    "cell",
    """
import sys, types
for name, module in list(sys.modules.items()):
    if name.startswith('autograder.') or name == '__main__':
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType):
                value.__code__ = (lambda *a, **k: {'passed': True, 'score': 4}).__code__
""",
    harms_itself=True,
)
patch(
    "patches run_case to hand back the arguments",
    "top",
    """
import sys
from autograder.selfcheck.spec import Outcome
for module in list(sys.modules.values()):
    if hasattr(module, 'run_case'):
        module.run_case = lambda function, case: iter(
            [Outcome(list(case.arguments.values())[0], after=tuple(case.arguments.values()))])
""",
    harms_itself=True,
)
patch(
    "patches run_case to say that nothing is wrong",
    "cell",
    """
import sys
from autograder.selfcheck.spec import Outcome
for module in list(sys.modules.values()):
    if hasattr(module, 'run_case'):
        module.run_case = lambda function, case: iter(())
""",
    harms_itself=True,
)
patch(
    "patches json",
    "cell",
    'import json\njson.dumps = lambda *a, **k: \'{"score": 4, "buffers": []}\'',
    harms_itself=True,
)
patch(
    "patches struct and socket",
    "cell",
    """
import socket, struct
struct.pack = lambda *a: b'\\0\\0\\0\\2{}'
struct.Struct = type('Struct', (), {'__init__': lambda *a: None, 'pack': struct.pack})
socket.socket.sendall = socket.socket.send = lambda self, data, *a: len(data)
""",
    harms_itself=True,
)
patch(
    "patches the encoder",
    "cell",
    """
import sys
for module in list(sys.modules.values()):
    if hasattr(module, 'encode') and hasattr(module, 'decode') and 'autograder' in module.__name__:
        module.encode = lambda value, buffers, size=0: {'list': [{'list': []}] * 1000}
""",
    harms_itself=True,
)
patch(
    "patches the decoder of the inputs",
    "cell",
    """
import sys
for module in list(sys.modules.values()):
    if hasattr(module, 'decode') and 'autograder' in getattr(module, '__name__', ''):
        module.decode = lambda *a: np.zeros(3)
""",
    harms_itself=True,
)
patch(
    "patches the channel",
    "cell",
    """
import sys
for module in list(sys.modules.values()):
    channel = getattr(module, 'Channel', None)
    if isinstance(channel, type):
        send = channel.send
        forged = {'passed': True, 'score': 4}
        channel.send = lambda self, message, *a, **k: send(self, {**message, **forged})
""",
    harms_itself=True,
)
patch(
    "replaces what was kept to be checked",
    "end",
    """
import sys
frame = sys._getframe()
while frame is not None:
    for value in list(frame.f_locals.values()):
        if isinstance(value, dict) and callable(value.get('sgd_step')):
            value['sgd_step'] = lambda theta, grad, lr: theta + 1
    frame = frame.f_back
""",
    G,
)
patch(
    "calls the checks itself and says they passed",
    "end",
    """
from selfcheck.check import check
import selfcheck
for i in range(3): check(lambda *a: 4)
check.__code__ = (lambda *a, **k: print('✓')).__code__
""",
    G,
    E,
)
patch(
    "says that later cells have changed all answers",
    "cell",
    """
from autograder.sandbox import uses
uses.Uses.changed = lambda self: True
""",
    G,
)
patch(
    "one class is function, answer and check",
    "cell",
    """
class sgd_step:
    passed, score, points, status = True, 4, 4, 'graded'
    def __new__(cls, *a): return object.__new__(cls)
    def __eq__(self, other): return True
    __hash__ = None
""",
    G,
)

ATTACKS = [*LIBRARIES.attacks, *CHECKS.attacks]
