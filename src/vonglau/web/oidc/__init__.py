"""Signing in at an identity provider (OpenID Connect): VNeID's kind, or an agency's own. On when `VONGLAU_OIDC_ISSUER` is set.

Authorization code with PKCE, state and nonce. allauth's client was not taken for this: it sends no nonce, trusts an ID token that it
fetched without looking at its signature, and knows neither `acr` nor the issuer in the answer (RFC 9207). PyJWT verifies tokens.

- `provider.py` talks to the provider; `claims.py` judges what it said, and is pure;
  `people.py` finds whose account it is; `views.py` is the dance.
"""
