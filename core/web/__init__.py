"""The ASGI app around the pages: sign-in, gate, OAuth callback, health."""
