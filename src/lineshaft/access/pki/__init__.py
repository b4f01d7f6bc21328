"""Certificates: the installation's own authority, what it issues, what is revoked, and the list of it.

`authority.CertificateAuthority` signs (access service and the start only); `certificates` is the records' side, which
everybody may read; `verification` tells whose certificate it is. A certificate names its principal twice: by name in
the subject (CN), by handle in the URI `urn:lineshaft:<handle>` among the alternative names.
Not here: enrolment over HTTPS (`edge.enrolment`), bus credentials (`access.authority`), algorithms (`core.suites`).
"""
