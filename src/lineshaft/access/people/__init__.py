"""How people come in beside name and password: passkeys, an external OpenID provider, the sealed emergency code.

Not here: passwords and one-time links (`access.sign_in`), what a session is (`access.sessions`).
The access service does the work (`part.PeoplePart`); the web server asks it over the bus (`api.ROUTES`).
"""
