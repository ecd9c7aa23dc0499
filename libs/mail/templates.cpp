// SPDX-License-Identifier: Apache-2.0
#include "mail/templates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/embedded_file.hpp"
#include "mail/template_text.hpp"

namespace bulkhead::mail {

std::span<const embedded_file> embedded_files() noexcept;

namespace {

std::string_view file(const std::string& name) {
    const auto all = embedded_files();
    const auto found = std::ranges::find(all, name, &embedded_file::name);
    if (found == all.end()) throw std::logic_error("there is no mail template " + name);
    return found->bytes;
}

/// The first line of a text template is its subject, an empty one follows.
struct text_template {
    std::string_view subject;
    std::string_view body;
};

text_template text_of(const std::string& kind) {
    constexpr std::string_view mark = "Subject: ", gap = "\n\n";
    const auto all = file(kind + ".txt");
    const auto end = all.find(gap);
    if (!all.starts_with(mark) || end == std::string_view::npos)
        throw std::logic_error("the mail template " + kind + ".txt does not begin with its subject");
    return {all.substr(mark.size(), end - mark.size()), all.substr(end + gap.size())};
}

std::string greeting(const std::string& name) {
    const auto plain = plain_name(name, "");
    return plain.empty() ? "Hello," : fmt::format("Hello {},", plain);
}

content compose(const brand& whose, const std::string& kind, std::vector<place> values) {
    const auto home = whose.home.at("/").str();
    values.push_back({"product", whose.product});
    values.push_back({"home", home});
    const auto pattern = text_of(kind);
    content out{.subject = fill(pattern.subject, values, markup::text)};
    // The layout takes what is filled and escaped: a value that looks like a place stays what it is.
    const auto lay_out = [&](std::string_view layout, std::string_view body, markup as) {
        const std::vector<place> frame{{"subject", escape(out.subject, as)},
                                       {"product", escape(whose.product, as)},
                                       {"home", escape(home, as)},
                                       {"body", fill(body, values, as)}};
        return fill(layout, frame, markup::ready);
    };
    out.text = lay_out(file("layout.txt"), pattern.body, markup::text);
    out.html = lay_out(file("layout.html"), file(kind + ".html"), markup::html);
    return out;
}

}  // namespace

templates::templates(brand whose) : brand_(std::move(whose)) {
    const auto somewhere = brand_.home.at("/");
    (void)render(verification{.confirm = somewhere});
    (void)render(password_reset{.choose = somewhere});
    (void)render(invitation{.accept = somewhere});
    (void)render(alert{.more = somewhere, .settings = somewhere});
}

content templates::render(const verification& mail) const {
    return compose(brand_, "verification",
                   {{"greeting", greeting(mail.name)},
                    {"link", mail.confirm.str()},
                    {"validity", spoken_duration(mail.valid)}});
}

content templates::render(const password_reset& mail) const {
    return compose(brand_, "password_reset",
                   {{"greeting", greeting(mail.name)},
                    {"link", mail.choose.str()},
                    {"validity", spoken_duration(mail.valid)}});
}

content templates::render(const invitation& mail) const {
    return compose(brand_, "invitation",
                   {{"inviter", plain_name(mail.inviter, "A colleague")},
                    {"tenant", plain_name(mail.tenant, "their team")},
                    {"role", plain_name(mail.role, "member")},
                    {"link", mail.accept.str()},
                    {"validity", spoken_duration(mail.valid)}});
}

content templates::render(const alert& mail) const {
    auto out = compose(brand_, "alert",
                       {{"greeting", greeting(mail.name)},
                        {"title", mail.title},
                        {"detail", mail.detail},
                        {"when", mail.when},
                        {"link", mail.more.str()},
                        {"settings", mail.settings.str()}});
    out.unsubscribe = mail.settings.str();
    return out;
}

std::string spoken_duration(std::chrono::minutes length) {
    using namespace std::chrono;
    const auto say = [](auto count, std::string_view unit) {
        return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
    };
    if (length >= 24h && length % days(1) == 0min) return say(duration_cast<days>(length).count(), "day");
    if (length >= 1h && length % 1h == 0min) return say(duration_cast<hours>(length).count(), "hour");
    return say(length.count(), "minute");
}

}  // namespace bulkhead::mail
