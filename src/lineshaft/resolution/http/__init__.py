"""HTTP: the reference server's JSON API, batches of registrations, proofs, and pages for browsers, as one raw ASGI application.

`make_app` gives it for a node. It answers the paths that `owns` names; mounted beside others it takes those and the rest
stay theirs. It imports nothing of the box's web application.
"""

from lineshaft.resolution.http.application import Application as Application
from lineshaft.resolution.http.application import make_app as make_app
from lineshaft.resolution.http.application import owns as owns
