"""Signing in through a provider of OpenID Connect, in place of a passkey: it says who somebody is, and nothing of what they approve."""
