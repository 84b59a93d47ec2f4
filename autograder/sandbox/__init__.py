"""Where student code runs.

``zygote`` and ``worker`` run inside the sandbox and are all of the package that is mounted there,
with ``wire`` and the student package ``selfcheck``. ``isolation`` and ``pool`` are their
counterparts on the trusted side: they start the sandbox and talk to it, and believe nothing it
says.
"""
