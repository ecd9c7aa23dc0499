// SPDX-License-Identifier: Apache-2.0
// Carrier of the shared precompiled header.
