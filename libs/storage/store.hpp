// SPDX-License-Identifier: Apache-2.0
// Where objects of any size are kept: files here, other kinds of storage behind the same words. Everything
// goes in pieces, so that memory does not depend on an object's size. An object is there as a whole or not at
// all, whatever dies in between; it is never changed, only replaced. Called on reactors, never waits on them;
// the store outlives its writers and readers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "runtime/asio.hpp"
#include "storage/object_key.hpp"

namespace bulkhead::storage {

// Errors of all operations: errc::unavailable when the storage is full, refuses or fails, with a line in the
// log that says what an operator has to look at.

/// An object that comes into being. One caller at a time. Destroyed before commit() succeeded: nothing was
/// there.
class object_writer {
public:
    virtual ~object_writer() = default;

    /// Adds to the end. Small pieces are collected. After an error only destruction makes sense.
    virtual awaitable<result<void>> append(std::string_view piece) = 0;

    /// Lets it be seen, in place of an older object of that name if there is one, and gives its size in
    /// bytes. Success means that it survives a loss of power. Once.
    virtual awaitable<result<std::uint64_t>> commit() = 0;
};

/// An object as it was when it was opened, though it be removed or replaced meanwhile. One caller at a time.
class object_reader {
public:
    virtual ~object_reader() = default;

    /// In bytes.
    [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

    /// At most `most` bytes from `offset` on; fewer, and in the end none, only where the object ends.
    virtual awaitable<result<std::string>> read(std::uint64_t offset, std::size_t most) = 0;
};

class store {
public:
    virtual ~store() = default;

    virtual awaitable<result<std::unique_ptr<object_writer>>> create(object_key key) = 0;

    /// errc::not_found when there is none.
    virtual awaitable<result<std::unique_ptr<object_reader>>> open(object_key key) = 0;

    /// Succeeds also when there is none. The space is free once nobody reads it any more.
    virtual awaitable<result<void>> remove(object_key key) = 0;

    /// Everything of a tenant that was committed before. Takes as long as there is much.
    virtual awaitable<result<void>> remove_all(uuid tenant) = 0;

    /// Removes what writers and removals left behind that died at least `age` ago, and gives how many there
    /// were. For every now and then.
    virtual awaitable<result<std::size_t>> sweep(std::chrono::seconds age) = 0;
};

}  // namespace bulkhead::storage
