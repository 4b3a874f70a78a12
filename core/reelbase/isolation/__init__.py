"""Codecs in processes of their own: a file that crashes, hangs or fills the memory takes nothing else along.

A worker gets bytes and gives bytes: it has no credentials, no storage, no variables of the environment but plain ones,
and nothing that it sends is unpickled. What may be read, made and waited for is bounded by the parent, memory and files
by the system. It is not a sandbox against code that runs inside libav: that takes a container or a seccomp filter.
"""
