"""Codecs in separate processes, so that a file that crashes, hangs or fills the memory ends only such a process.

A worker process receives bytes and returns bytes. It has no credentials, no storage, and only harmless environment
variables. Nothing that it sends is unpickled. The parent limits how much a worker reads and returns and how long it
takes; the system limits its memory and open files. It is not a sandbox against code that runs inside libav: that takes
a container or a seccomp filter.
"""
