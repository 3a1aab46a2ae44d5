# SPDX-License-Identifier: MIT
"""What the whole-gateway tests stand on: namespaces, certificates, a running nsgate, clients and
backends. Everything made here is removed again, also after a failure."""
