// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/codec.hpp"

#include <hiredis/hiredis.h>

#include <new>
#include <utility>

namespace bulkhead::redis {

void append_redis_command(std::string& out, const std::vector<std::string>& argv) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    texts.reserve(argv.size());
    lengths.reserve(argv.size());
    for (const auto& argument : argv) {
        texts.push_back(argument.data());
        lengths.push_back(argument.size());
    }
    char* bytes = nullptr;
    const auto size =
        redisFormatCommandArgv(&bytes, static_cast<int>(argv.size()), texts.data(), lengths.data());
    if (size < 0) throw std::bad_alloc{};
    const std::unique_ptr<char, decltype(&redisFreeCommand)> owner(bytes, &redisFreeCommand);
    out.append(bytes, static_cast<std::size_t>(size));
}

namespace {

/// hiredis' callbacks. They build our tree in place of hiredis' own, whose array constructor trusts the
/// length the server announces. The root is owned through redisReader::reply; an element lives in its
/// parent's vector, which never grows after it is made. Returning nullptr stops the reader for good.
struct reply_builder {
    static redis_reply* place(const redisReadTask* task, redis_reply reply) {
        if (!task->parent) return new redis_reply(std::move(reply));
        auto& siblings = std::get<redis_reply::array>(static_cast<redis_reply*>(task->parent->obj)->value);
        auto& slot = siblings[static_cast<std::size_t>(task->idx)];
        slot = std::move(reply);
        return &slot;
    }

    static void* create_string(const redisReadTask* task, char* text, std::size_t size) {
        std::string bytes(text, size);
        switch (task->type) {
            case REDIS_REPLY_STRING: return place(task, {std::move(bytes)});
            case REDIS_REPLY_STATUS: return place(task, {redis_status{std::move(bytes)}});
            case REDIS_REPLY_ERROR: {
                const auto kind = classify_redis_error(bytes);
                return place(task, {redis_error{kind, std::move(bytes)}});
            }
            default: return nullptr;  // a RESP3 type that nobody asked for
        }
    }

    /// hiredis 0.14 stops at seven levels by itself, 1.x at none.
    static bool too_deep(const redisReadTask* task) {
        constexpr int most = 7;
        int depth = 0;
        for (; task; task = task->parent) ++depth;
        return depth > most;
    }

    template <class Count>  // int in hiredis 0.14, size_t in 1.x
    static void* create_array(const redisReadTask* task, Count count) {
        auto& left = *static_cast<std::size_t*>(task->privdata);
        const auto wanted = static_cast<std::size_t>(count);
        if (task->type != REDIS_REPLY_ARRAY || wanted > left || too_deep(task)) return nullptr;
        left -= wanted;
        return place(task, {redis_reply::array(wanted)});
    }

    static void* create_integer(const redisReadTask* task, long long number) {
        return place(task, {std::int64_t{number}});
    }

    static void* create_nil(const redisReadTask* task) { return place(task, {redis_nil{}}); }

    static void free_root(void* reply) { delete static_cast<redis_reply*>(reply); }

    static redisReplyObjectFunctions* functions() {
        static auto table = [] {
            redisReplyObjectFunctions f{};
            f.createString = &create_string;
            f.createArray = &create_array;
            f.createInteger = &create_integer;
            f.createNil = &create_nil;
            f.freeObject = &free_root;
#if HIREDIS_MAJOR >= 1
            f.createDouble = [](const redisReadTask*, double, char*, std::size_t) -> void* {
                return nullptr;
            };
            f.createBool = [](const redisReadTask*, int) -> void* { return nullptr; };
#endif
            return f;
        }();
        return &table;
    }
};

}  // namespace

void redis_reply_reader::deleter::operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }

redis_reply_reader::redis_reply_reader(redis_reply_limits limits)
    : limits_(limits),
      elements_left_(limits.elements),
      reader_(redisReaderCreateWithFunctions(reply_builder::functions())) {
    if (!reader_) throw std::bad_alloc{};
    reader_->privdata = &elements_left_;
}

void redis_reply_reader::feed(std::string_view bytes) {
    unread_ += bytes.size();
    redisReaderFeed(reader_.get(), bytes.data(),
                    bytes.size());  // a failure stays in the reader: next() reports it
}

result<std::optional<redis_reply>> redis_reply_reader::next() {
    void* root = nullptr;
    if (redisReaderGetReply(reader_.get(), &root) != REDIS_OK)
        return fail(errc::unavailable, "The cache sent something that is not an answer.");
    if (!root) {
        if (unread_ > limits_.bytes)
            return fail(errc::unavailable, "The cache sent an answer over the limit.");
        return std::nullopt;
    }
    const std::unique_ptr<redis_reply> reply(static_cast<redis_reply*>(root));
    unread_ = reader_->len - reader_->pos;
    elements_left_ = limits_.elements;
    return std::optional(std::move(*reply));
}

}  // namespace bulkhead::redis
