"""What access points hold on their disks, held against what was signed, and against each other.

Reads the directories of access points that were stopped, and nothing else: no process, no broker, no program of the
bus. Envelopes, receipts and directory are judged by `nhipcau_verify`; here the stores' rows are recomputed from them.

Left out: whether a message should have been sent (agreements, disclosure by consent), and everything in a store that
is no evidence: local times, what waits for its use, what was put into quarantine.
"""
