"""Code that takes too much of something: memory, processes, disk, output."""

from .attack import ARGUMENT, EXHAUSTS, MARKER, C, Corpus, E, G, M, T

MEMORY = Corpus("memory and disk")
add = MEMORY.code

add("10 GB in a call", "call", "x = bytearray(10 * 2**30)", M)
add("10 GB in a cell", "top", "x = bytearray(10 * 2**30)", M)
add("10 GB by NumPy in a call", "call", "x = np.ones(10 * 2**27)", M)
add("10 GB by NumPy in a cell", "top", "import numpy\nx = numpy.ones(10 * 2**27)", M)
add(
    "grows step by step",
    "call",
    "x = []\nwhile True: x.append(bytearray(2**24))",
    M,
    T,
    not_at_stock=EXHAUSTS,
)
add(
    "keeps its memory when it fails",
    "cell",
    "x = []\ntry:\n    while True: x.append(bytearray(2**24))\nexcept MemoryError: pass",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add("a mapping of 10 GB", "call", "import mmap; x = mmap.mmap(-1, 10 * 2**30)", E, M)
add("a text of 10 GB", "call", "x = 'x' * 10 * 2**30", M)
add(
    "a text that doubles",
    "call",
    "x = 'ab' * 1000\nwhile True: x = x.replace('a', 'ab' * 1000)",
    M,
    T,
    not_at_stock=EXHAUSTS,
)
add(
    "threads with large stacks",
    "call",
    """
import threading, time
threading.stack_size(2**30)
for i in range(8): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
""",
    E,
    M,
    G,
)
add(
    "hoards in files of memory",
    "call",
    """
import os
held = []
try:
    for i in range(30):
        held.append(os.memfd_create('x'))
        while os.write(held[-1], bytes(2**22)): pass
except OSError: pass
for i in range(30):
    try:
        held.append(os.memfd_create('x'))
        os.write(held[-1], bytes(2**25))
    except OSError: break
""",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add(
    "hoards in shared memory of System V",
    "call",
    """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for i in range(6):
    segment = libc.shmget(0, ctypes.c_size_t(2**29), 0o1600)
    if segment < 0: break
    address = libc.shmat(segment, None, 0)
    if address in (None, 2**64 - 1): break
    ctypes.memset(address, 1, 2**29)
    libc.shmdt(ctypes.c_void_p(address))
""",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add(
    "hoards in pipes and sockets",
    "call",
    """
import fcntl, os, socket
held = []
try:
    while True:
        r, w = os.pipe()
        os.set_blocking(w, False)
        fcntl.fcntl(w, 1031, 2**20)
        held.append((r, w))
        try:
            while True: os.write(w, bytes(2**16))
        except BlockingIOError: pass
except OSError: pass
""",
    G,
    E,
)
add(
    "every answer returns as much as it may",
    "end",
    """
big = lambda *a: np.zeros(2**20)
softmax_cross_entropy.__code__ = big.__code__
minibatch_gradient.__code__ = linear_decay.__code__ = big.__code__
clip_by_norm.__code__ = condition_number.__code__ = big.__code__
""",
    harms_itself=True,
)

PROCESSES = Corpus("processes and threads")
add = PROCESSES.code

add(
    "fork bomb in a call",
    "call",
    "import os\nwhile True: os.fork()",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add(
    "fork bomb in a cell",
    "top",
    "import os\nwhile True: os.fork()",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add(
    "fork bomb that goes on",
    "call",
    """
import os
while True:
    try: os.fork()
    except OSError: pass
""",
    T,
    not_at_stock=EXHAUSTS,
)
add(
    "fork bomb with memory",
    "call",
    """
import os
for i in range(100):
    try: os.fork()
    except OSError: pass
    x = np.ones(2**25)
""",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add(
    "fork bomb by system call",
    "call",
    """
import ctypes
libc = ctypes.CDLL(None)
for i in range(1000): libc.syscall(57)
""",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add("a child comes back", "call", "import os; os.fork()", G, E)
add("a child comes back from a cell", "top", "import os; child = os.fork()", G)
add(
    "a child comes back that hides its number",
    "top",
    "import os\nos.getpid = lambda: 1\nfor i in range(3): child = os.fork()",
    harms_itself=True,
)
add(
    "the parent ends, a child goes on",
    "call",
    "import os\nif os.fork(): os._exit(0)\nos.setsid()",
    C,
)
add(
    "a child in its own session survives",
    "cell",
    f"""
import subprocess
subprocess.Popen(['sleep', '{ARGUMENT}'], start_new_session=True)
""",
    G,
)
add(
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
)
add(
    "programs started again and again",
    "call",
    f"""
import subprocess
while True: subprocess.Popen(['sleep', '{ARGUMENT}'], start_new_session=True)
""",
    E,
    T,
    not_at_stock=EXHAUSTS,
)
add(
    "hundreds of threads",
    "call",
    """
import threading, time
for i in range(500): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
""",
    E,
)
add(
    "a thread that goes on after the call",
    "cell",
    """
import threading
def forever():
    while True: pass
threading.Thread(target=forever, daemon=True).start()
""",
    G,
)
add(
    "a thread that starts a thread, without end",
    "cell",
    """
import threading
def again():
    threading.Thread(target=again).start()
again()
""",
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add(
    "takes every descriptor",
    "cell",
    """
held = []
try:
    while True: held.append(open('/dev/null'))
except OSError: pass
""",
    harms_itself=True,
)
add(
    "asks for all of the processor",
    "cell",
    """
import os
try: os.nice(-20)
except OSError: pass
try: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
except OSError: pass
os.sched_setaffinity(0, range(64))
""",
    G,
)
add(
    "a shell fork bomb",
    "top",
    "!bash -c ':(){ :|:& };:'",
    G,
    T,
    harms_itself=True,
    not_at_stock=EXHAUSTS,
)
add("a bash cell without end", "top", "%%bash\nwhile true; do :; done", T)
add("a bash cell", "top", f"%%bash\nls -l /\nsleep {ARGUMENT} & disown", G, T)

DISK = Corpus("memory and disk")
add = DISK.code

add(
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
    not_at_stock=EXHAUSTS,
)
add(
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
    not_at_stock=EXHAUSTS,
)
add(
    "a file with a hole of a terabyte",
    "top",
    f"""
try:
    with open('/tmp/{MARKER}-hole', 'wb') as file: file.truncate(2**40)
except OSError: pass
else: raise AssertionError('no limit on the size of files')
""",
    G,
)
add(
    "a file that is deleted and goes on growing",
    "cell",
    """
import os, tempfile
file = tempfile.TemporaryFile()
try:
    for i in range(100): file.write(bytes(2**22)); file.flush()
except OSError: pass
""",
    G,
    not_at_stock=EXHAUSTS,
)
add(
    "folders in folders",
    "top",
    """
import os
try:
    for i in range(10**5): os.mkdir('x'); os.chdir('x')
except OSError: pass
""",
    G,
    not_at_stock=EXHAUSTS,
)
add("deletes everything", "top", "!rm -rf / /tmp/* /dev/shm/* --no-preserve-root", G, T, alone=True)
add(
    "deletes what is in its folder and above",
    "top",
    """
import shutil
for folder in ('.', '..', '../..', '../../..'): shutil.rmtree(folder, ignore_errors=True)
""",
    G,
    T,
    alone=True,
)
add(
    "writes into the Python environment",
    "top",
    f"""
import numpy, os, sys
for folder in (sys.prefix, os.path.dirname(numpy.__file__), os.path.dirname(os.__file__)):
    try: open(folder + '/{MARKER}.pth', 'w').write('import this')
    except OSError: continue
    raise AssertionError(folder)
""",
    G,
)

OUTPUT = Corpus("floods of output")
add = OUTPUT.code

add("prints without end", "top", "while True: print('x' * 10**6)", T, not_at_stock=EXHAUSTS)
add(
    "prints without end in a call",
    "call",
    "while True: print('x' * 10**6)",
    T,
    not_at_stock=EXHAUSTS,
)
add(
    "prints 100 million characters",
    "top",
    "for i in range(100): print('y' * 10**6)",
    G,
    not_at_stock=EXHAUSTS,
)
add(
    "prints a million times",
    "top",
    "for i in range(10**6): print('x', end='')",
    G,
    T,
    not_at_stock=EXHAUSTS,
)
add("prints characters of four bytes", "top", "print('\U0001f600' * 10**6)", G)
add("prints characters that HTML makes longer", "top", "print('\"' * 10**6)", G)
add(
    "a million displays",
    "top",
    "from IPython.display import display\nfor i in range(10**6): display(i)",
    G,
    T,
    M,
    not_at_stock=EXHAUSTS,
)
add("a display of 100 million characters", "top", "'z' * 10**8", G, M, T, not_at_stock=EXHAUSTS)
add("writes to the real stdout", "top", "import os\nos.write(1, b'x' * 10**7)", G)
add(
    "writes to the first stdout and to the log",
    "top",
    """
import logging, sys, warnings
for i in range(1000):
    print('x' * 1000, file=sys.__stdout__); print('x' * 1000, file=sys.__stderr__)
    logging.error('x' * 1000); warnings.warn('x' * 1000)
""",
    G,
)
add(
    "output in every call",
    "call",
    """
from IPython.display import display
for i in range(100): print('x' * 10_000); display('x' * 10_000)
""",
    G,
)
add("closes stdout", "top", "import sys\nsys.stdout.close()\nsys.stdout = None", G)
add("closes stdout in a call", "call", "import sys; sys.stdout.close(); sys.stdout = None")
add(
    "breaks the capture of output",
    "call",
    "import sys; sys.stdout.parts = 5; sys.stdout.room = 'x'; print('hello')",
    G,
    E,
    C,
)
add(
    "lone surrogates and control characters",
    "top",
    r"print('\ud800 \x00 \x1b[31m \u202e')" + "\n" + r"raise ValueError('\udfff\x00')",
    E,
)
add(
    "orders to a terminal",
    "top",
    r"print('\x1b[2J\x1b]0;title\x07\x1b]52;c;cm0gLXJm\x07\x1b]8;;http://x.example\x07\x9b31m\x08\x08\r\u2066\u202e')",
    G,
)
add(
    "huge pictures",
    "top",
    """
from IPython.display import display, Image, HTML
for i in range(20): display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(10**6)))
display(HTML('<script>alert(1)</script>'))
""",
    G,
)
add(
    "a picture that is a page as well",
    "top",
    """
import struct, zlib
from IPython.display import display
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
head = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0))
tail = chunk(b'IDAT', zlib.compress(bytes(2))) + chunk(b'IEND', b'')
evil = b'<script>alert(1)</script>'
display({'image/png': head + chunk(b'tEXt', b'Comment\\0' + evil) + tail + evil}, raw=True)
display({'image/png': evil + head + tail}, raw=True)
""",
    G,
)
add(
    "a picture that fills a memory when it is shown",
    "top",
    """
import struct, zlib
from IPython.display import display
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
size = struct.pack('>IIBBBBB', 10**5, 10**5, 8, 6, 0, 0, 0)
head = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', size)
packed = zlib.compress(bytes(10**8))
display({'image/png': head + chunk(b'IDAT', packed) + chunk(b'IEND', b'')}, raw=True)
""",
    G,
)
add(
    "a display that lies about its type",
    "top",
    """
from IPython.display import display
display({'image/png': '<script>', 'text/plain': ['x'], 'text/html': '<script>'}, raw=True)
display({'text/plain': 5}, raw=True)
""",
    G,
)
add(
    "objects that show themselves as pages",
    "top",
    """
class Page:
    def _repr_html_(self): return '<script>alert(1)</script>'
    def _repr_javascript_(self): return 'alert(1)'
    def _repr_svg_(self): return '<svg onload="alert(1)"/>'
    def _repr_latex_(self): return '$\\\\href{javascript:alert(1)}{x}$'
    def _repr_markdown_(self): return '[x](javascript:alert(1))'
    def _repr_mimebundle_(self, **k): return {'application/javascript': 'alert(1)', 'image/png': 7}
    def __repr__(self): return '</pre><script>alert(1)</script>'
Page()
""",
    G,
)
add("a value whose text is no text", "top", "type('X', (), {'__repr__': lambda self: 5})()", G, E)
add(
    "magics that write pages and files",
    "top",
    """
from IPython import get_ipython
ip = get_ipython()
for line in ('history', 'logstart /tmp/log', 'lsmagic', 'pinfo print', 'env', 'who', 'pdef print'):
    ip.run_line_magic(*(line.split(' ') + [''])[:2])
ip.run_cell_magic('javascript', '', 'alert(1)')
ip.run_cell_magic('html', '', '<script>alert(1)</script>')
""",
    G,
    E,
)
add(
    "figures without end",
    "top",
    """
import matplotlib.pyplot as plt
for i in range(40): plt.figure(); plt.plot([1, 2])
""",
    G,
    T,
    M,
    harms_itself=False,
)

ATTACKS = [
    *MEMORY.attacks,
    *PROCESSES.attacks,
    *DISK.attacks,
    *OUTPUT.attacks,
]
