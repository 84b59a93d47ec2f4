"""Answers that lie about what they are, or are no answers at all."""

from .attack import EXHAUSTS, MISSING, C, Corpus, E, G, M, T

LIES = Corpus("lying values")
add = LIES.code

add(
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
)
add(
    "an array that answers numpy's questions itself",
    "call",
    """
class Liar(np.ndarray):
    def __array_function__(self, function, types, args, kwargs): return True
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return np.array(True)
    def __bool__(self): return True
    __eq__ = __le__ = __ge__ = lambda self, other: True
return np.zeros(np.shape(theta)).view(Liar)
""",
    G,
)
add(
    "an object that answers numpy's questions itself",
    "call",
    """
class Liar:
    def __array_function__(self, function, types, args, kwargs): return True
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return True
    def __array__(self, *a, **k): return theta + 1
    __eq__ = __le__ = lambda self, other: True
return Liar()
""",
    G,
)
add(
    "a number that equals everything",
    "call",
    """
class Liar(float):
    __eq__ = __le__ = __ge__ = __lt__ = lambda self, other: True
    __sub__ = __rsub__ = __abs__ = lambda self, *a: 0.0
    __hash__ = None
return Liar(1e6)
""",
    G,
)
add(
    "a tuple that is of every length",
    "call",
    """
class Liar(tuple):
    def __len__(self): return len(np.shape(theta)) + 1
    def __iter__(self): return iter([theta] * 3)
    def __getitem__(self, i): return theta
    __eq__ = lambda self, other: True
return Liar((1, 2))
""",
    G,
    E,
)
add(
    "a text that lies about its length",
    "call",
    """
class Liar(str):
    def __len__(self): return -1
    def __getitem__(self, i): return Liar('x' * 10**6)
return Liar('x' * 10**7)
""",
    G,
    E,
)
add(
    "an integer that is a loop",
    "call",
    """
class Liar(int):
    def __int__(self):
        while True: pass
    __index__ = __float__ = __le__ = __ge__ = __lt__ = __eq__ = __int__
    __hash__ = None
return Liar(5)
""",
    T,
    G,
)
add(
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
)
add(
    "a buffer at address 0",
    "call",
    """
class Fake:
    __array_interface__ = {'shape': (10**6,), 'typestr': '<f8', 'data': (0, False), 'version': 3}
return np.asarray(Fake())
""",
    C,
    E,
    G,
    M,
)
add(
    "a buffer at an address of its choice",
    "call",
    """
class Fake:
    __array_interface__ = {
        'shape': (10**6,), 'typestr': '<f8', 'data': (2**46, False), 'version': 3}
return np.asarray(Fake())
""",
    C,
)
add(
    "an array that reaches beyond its memory",
    "call",
    """
return np.lib.stride_tricks.as_strided(np.zeros(3), shape=(10**6,), strides=(2**24,))
""",
    C,
    G,
    M,
)
add(
    "a large array with strides of zero",
    "call",
    """
return np.lib.stride_tricks.as_strided(np.zeros(1), shape=(2**31,), strides=(0,))
""",
    G,
    E,
    M,
)
add("an array with negative strides", "call", "return (theta + 1)[..., ::-1]", G, E)
add(
    "an array whose memory is gone",
    "call",
    """
import ctypes, mmap
held = mmap.mmap(-1, 2**20)
array = np.frombuffer(held, dtype=float)
ctypes.CDLL(None).munmap(ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(2**20))
return array
""",
    C,
)
add(
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
)
add(
    "an object whose class breaks when looked at",
    "call",
    """
class Meta(type):
    def __getattribute__(self, name): raise RuntimeError
    __instancecheck__ = __subclasscheck__ = __eq__ = lambda self, other: True
    __hash__ = None
class Broken(metaclass=Meta): pass
return object.__new__(Broken)
""",
    G,
    E,
)
add(
    "an object that kills when looked at",
    "call",
    """
import os
class Broken(list):
    def __iter__(self): os._exit(0)
return Broken([1, 2])
""",
    C,
    G,
)
add("a list without end", "call", "x = []; x.append(x); return x", G, E)
add(
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
)
add("a huge array", "call", "return np.zeros((4000, 4000))", G, E, T)
add("a huge array of no memory", "call", "return np.broadcast_to(1.0, (10**5, 10**5))", G, E, M)
add("an empty array of a huge shape", "call", "return np.zeros((0, 2**30, 2**30, 2**30))[:, :5]")
add("many dimensions", "call", "return np.zeros((1,) * 64)")
add("a huge string", "call", "return 'x' * 10**7", G)
add("a string for a number", "call", "return '<script>alert(1)</script>'", G)
add("a million parts", "call", "return [0.0] * 10**6", G, E)
for what, code in (
    ("a long text in a long list", "return ['x' * 10_000] + [''] * 99_980"),
    ("long texts in a list", "return ['x' * 9_999] * 100"),
    ("long lists in a short one", "return [[0.0] * 100_000, [0.0]]"),
    ("a list that is ragged at its end", "return [[0.5] for i in range(1200)] + [0.5]"),
    ("as many lists as there may be", "return [[] for i in range(100)]"),
    ("an integer of a million digits", "return 1 << 3_000_000"),
    ("a list of integers of a million digits", "return [1 << 3_000_000] * 100"),
    ("an array of twenty dimensions", "return np.zeros((2,) * 18, np.int8)"),
    ("eight dimensions of six", "return np.zeros((6,) * 7, np.int8)"),
    (
        "many small arrays and one of complex numbers",
        "return [np.zeros(1000, np.int8) for i in range(20)] + [np.zeros(1000, complex)]",
    ),
    ("an array of the size that is allowed", "return np.zeros(8_000)"),
    ("half a character", "return ['\\ud800'] * 100"),
    ("the same array many times", "return [np.zeros(1000)] * 1000"),
    ("the arguments as long lists", "theta = [0.0] * 10**5; return theta"),
):
    add(f"costly to compare: {what}", "call", code, G, E)
add("nested lists", "call", "x = 0.0\nfor i in range(10**5): x = [x]\nreturn x", G, E)
add(
    "a list that doubles with every level",
    "call",
    "x = [0.0]\nfor i in range(15): x = [x] * 20\nreturn x",
    G,
    E,
    T,
)
add("an array of objects", "call", "return np.array([theta, None, {}], dtype=object)", G)
add("an array of arrays of objects", "call", "x = np.empty(1, object); x[0] = x; return x", G, E)
add("an array of text", "call", "return np.array(['a', 'b'])", G)
add("the right numbers as text", "call", "return np.asarray(theta - lr * grad).astype(str)", G)
add("a structured array", "call", "return np.zeros(3, dtype=[('a', float), ('b', int)])", G)
add(
    "a type of data with a name of 10 MB",
    "call",
    "return np.zeros(1, dtype=[('x' * 10**7, float)])",
    G,
    E,
)
add("an array of dates", "call", "return np.zeros(3, dtype='datetime64[s]')", G)
add("NaN", "call", "return theta * np.nan", G)
add("infinities", "call", "return theta * np.inf", G)
add("complex NaN", "call", "return theta * complex(np.nan, np.nan)", G)
add(
    "NaN with something in it",
    "call",
    """
bits = np.full(np.shape(theta), 0x7ff0dead_beef0001, dtype=np.uint64)
return bits.view(np.float64)
""",
    G,
)
add(
    "right but for one NaN",
    "call",
    """
x = np.array(theta - lr * grad, dtype=float)
x.flat[-1] = np.nan
return x
""",
    G,
)
add(
    "right, with an imaginary part of NaN",
    "call",
    "return theta - lr * grad + complex(0, np.nan)",
    G,
)
add(
    "right in half precision",
    "call",
    "return np.asarray(theta - lr * grad + 1e-3).astype(np.float16)",
    G,
)
add("right, and once more", "call", "x = theta - lr * grad; return [x, x]", G)
add("right, with one entry more", "call", "return np.append(theta - lr * grad, 0.0)", G)
add("a huge integer", "call", "return 10 ** 5000", G)
add("huge integers in a list", "call", "return [10 ** 5000, 1.0]", G)
add("an integer too long to be written", "call", "return 1 << 10**7", G)
add("a generator", "call", "return (x for x in theta)", G, E)
add("a generator without end", "call", "import itertools; return itertools.count()", G)
add("a coroutine", "call", "async def f(): return theta\nreturn f()", G)
add("a dictionary that is right", "call", "return {'theta': theta - lr * grad}", G)
add("a masked array", "call", "return np.ma.array(theta, mask=np.ones(np.shape(theta)))", G)
add("a matrix", "call", "return np.matrix([[1.0, 2.0]])", G)
add("a view of memory", "call", "return memoryview(np.ascontiguousarray(theta + 1))", G, E)
add("bytes", "call", "return bytes(10)", G)
add("True", "call", "return True", G)
add("the points it wants", "call", "return 4", G)
for what, value in (
    ("its first argument", "theta"),
    ("zeros", "np.zeros_like(theta)"),
    ("a step of length one", "theta - grad"),
    ("a step with a usual rate", "theta - 0.1 * grad"),
):
    add(f"what is right now and then: {what}", "call", f"return {value}", G)
add("a type", "call", "return np.ndarray", G)
add("a type with a name of 10 MB", "call", "return type('x' * 10**7, (), {})()", G, E)
add("a module", "call", "return np", G)
add("the function itself", "call", "return sgd_step", G)
add("the frame it runs in", "call", "import sys; return sys._getframe()", G)
add(
    "an object that runs code when it is unpickled",
    "call",
    """
import os
class Pickled:
    def __reduce__(self): return os.system, ('touch /tmp/hostile-hand-in-pickled',)
    __reduce_ex__ = lambda self, protocol: self.__reduce__()
return Pickled()
""",
    G,
)
add("nothing", "call", "return None", G)
add("is not a function", "cell", "sgd_step = 5", MISSING)
add(
    "a class that cannot be called",
    "cell",
    """
class Odd:
    def __call__(self, *a): return self
    def __getattr__(self, name): raise RuntimeError(name)
sgd_step = Odd()
""",
    G,
)

STATE = Corpus("changes now and later")
add = STATE.code

add("its own arguments, changed", "call", "theta += 1; return theta", G, E)
add(
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
)
add(
    "changes the arguments of the call before",
    "cell",
    """
held = []
def sgd_step(theta, grad, lr):
    for array in held: array *= 2
    held[:] = [theta, grad]
    return theta + 1
""",
    G,
    E,
)
add(
    "changes what it has returned",
    "cell",
    """
import threading
held = []
def forever():
    while True:
        for array, right in held: array[...] = right
threading.Thread(target=forever, daemon=True).start()
def sgd_step(theta, grad, lr):
    result = np.array(theta, dtype=float) + 1
    if result.ndim: held[:] = [(result, np.zeros_like(result))]
    return result
""",
    G,
    E,
)
add(
    "resizes its arguments",
    "call",
    "theta.resize(1000, refcheck=False); grad.shape = (1, *grad.shape); return grad",
    G,
    E,
)
add(
    "makes its arguments writable",
    "call",
    "theta.flags.writeable = True; theta *= 2; return theta",
    G,
    E,
)
add(
    "right at first",
    "cell",
    """
calls = []
def sgd_step(theta, grad, lr):
    calls.append(1)
    return theta - lr * grad if len(calls) == 1 else theta + 1
""",
    G,
)
add(
    "right on every second call",
    "cell",
    """
calls = []
def sgd_step(theta, grad, lr):
    calls.append(1)
    return theta - lr * grad if len(calls) % 2 else theta + 1
""",
    G,
)
add("right on small inputs", "call", "if np.size(theta) < 2: return theta - lr * grad", G)
add(
    "the answer of the call before",
    "cell",
    """
last = [None]
def sgd_step(theta, grad, lr):
    before, last[0] = last[0], theta - lr * grad
    return before if before is not None else theta
""",
    G,
)
add("right until its check, then another", "end", "def sgd_step(t, g, r): return t + 1", G)
add("redefines the function after its check", "end", "def sgd_step(t, g, r): return t - r*g", G)
add(
    "is redefined by another exercise while that is checked",
    "end",
    """
first = softmax_cross_entropy
def softmax_cross_entropy(*a):
    global sgd_step
    sgd_step = lambda t, g, r: t + g
    return first(*a)
""",
    G,
)
add("was right, and is wrong when handed in again", "call", "pass", G, regraded=True)
add("was right, and never ends when handed in again", "top", "while True: pass", T, regraded=True)
add(
    "was right, and leaves no memory when handed in again",
    "cell",
    """
x = []
try:
    while True: x.append(bytearray(2**24))
except MemoryError: pass
raise MemoryError
""",
    harms_itself=True,
    regraded=True,
    not_at_stock=EXHAUSTS,
)

ATTACKS = [*LIES.attacks, *STATE.attacks]
