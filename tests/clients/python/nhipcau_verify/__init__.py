"""A second implementation of the Nhịp Cầu wire format, written from the comments of the contracts.

It exists so that evidence does not depend on one program: whoever holds the bytes, the public keys and these few
files can check what was sent, received and refused. It shares no code with the bus and is never used by it.

Left out: channels' rules of conduct (when to send, refuse or resend), and the directory's agreements. A caller brings
the keys that it trusts, or a directory whose first root was compared.
"""
