"""Enrolment over secure transport (RFC 7030): how devices, gateways and services get their certificates.

Who enrols proves itself with a certificate of ours, a maker's (IDevID), or a one-time token. `endpoint` answers on the
device listener and asks the access service; `part` decides, issues and records, in one transaction.
Not here: the authority itself (`access.pki`), TLS (`web.mutual`), the machine's side (`edge.enrolment`).
"""
