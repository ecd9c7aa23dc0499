// SPDX-License-Identifier: Apache-2.0
// Asio's non-template code for TLS, compiled here and nowhere else (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/ssl/impl/src.hpp>
