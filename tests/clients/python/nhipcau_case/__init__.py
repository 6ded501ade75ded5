"""The evidence of one case as a file, read at a third place, written from docs/evidence.md and the contract
`nhipcau/accesspoint/v1/evidence.proto`.

What is in a file is believed by its own signatures under the directory whose first root was compared out of band; the
signature of whoever made it says only who chose it. `account.read` is the way in.
"""
