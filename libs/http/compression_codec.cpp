// SPDX-License-Identifier: Apache-2.0
#include "http/compression_codec.hpp"

#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <new>

namespace bulkhead::http {
namespace {

constexpr int gzip_quick = 1, gzip_thorough = 9;
constexpr int zstd_quick = 1, zstd_thorough = 15;  // its window stays under the 8 MB that RFC 9659 allows

class deflater {
public:
    explicit deflater(int level) {
        constexpr int gzip_frame = 16, largest_window = 15, usual_memory = 8;
        if (deflateInit2(&state_, level, Z_DEFLATED, gzip_frame + largest_window, usual_memory,
                         Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc();
    }
    ~deflater() { deflateEnd(&state_); }
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;

    std::string run(std::string_view text) {
        deflateReset(&state_);
        std::string out;
        out.resize_and_overwrite(deflateBound(&state_, text.size()), [&](char* begin, std::size_t room) {
            state_.next_in =
                reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib's old signature
            state_.avail_in = static_cast<uInt>(text.size());
            state_.next_out = reinterpret_cast<Bytef*>(begin);
            state_.avail_out = static_cast<uInt>(room);
            return deflate(&state_, Z_FINISH) == Z_STREAM_END ? room - state_.avail_out : 0;
        });
        return out;
    }

private:
    z_stream state_{};
};

class zstd_encoder {
public:
    std::string run(std::string_view text, int level) {
        if (!state_) throw std::bad_alloc();
        std::string out;
        out.resize_and_overwrite(ZSTD_compressBound(text.size()), [&](char* begin, std::size_t room) {
            const auto size = ZSTD_compressCCtx(state_.get(), begin, room, text.data(), text.size(), level);
            return ZSTD_isError(size) != 0 ? 0 : size;
        });
        return out;
    }

private:
    struct release {
        void operator()(ZSTD_CCtx* state) const noexcept { ZSTD_freeCCtx(state); }
    };
    std::unique_ptr<ZSTD_CCtx, release> state_{ZSTD_createCCtx()};
};

std::string compress_quickly(std::string_view text, coding how) {
    if (how == coding::zstd) {
        thread_local zstd_encoder encoder;
        return encoder.run(text, zstd_quick);
    }
    thread_local deflater encoder(gzip_quick);
    return encoder.run(text);
}

std::string compress_thoroughly(std::string_view text, coding how) {
    auto out =
        how == coding::zstd ? zstd_encoder().run(text, zstd_thorough) : deflater(gzip_thorough).run(text);
    out.shrink_to_fit();
    return out;
}

}  // namespace

std::string compress(std::string_view text, coding how, effort care) {
    auto out = care == effort::quick ? compress_quickly(text, how) : compress_thoroughly(text, how);
    if (out.empty()) throw std::bad_alloc();  // nothing else can be wrong with bytes that are all there
    return out;
}

}  // namespace bulkhead::http
