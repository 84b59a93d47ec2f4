"""Where student code runs.

``zygote`` and ``worker`` run inside the sandbox, with ``clone``, ``confine``, ``watch``, ``wire``
and the student package ``selfcheck``. ``isolation`` and ``pool`` are their counterparts on the
trusted side, with ``seccomp``, ``cgroup`` and ``staging``: they start the sandbox and talk to it,
and believe nothing it says. ``probes`` tries to break out of it.
"""
