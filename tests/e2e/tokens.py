# SPDX-License-Identifier: Apache-2.0
"""Access tokens taken apart, and made by somebody who has no business making them."""
import base64
import hashlib
import hmac
import json


def parts_of(token):
    """Header and claims of a JWT, unverified."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(header, claims, key=b"0123456789abcdef0123456789abcdef"):
    signed = encode(json.dumps(header).encode()) + "." + encode(json.dumps(claims).encode())
    return signed + "." + encode(hmac.new(key, signed.encode(), hashlib.sha256).digest())
