// SPDX-License-Identifier: Apache-2.0
#include "mail/smtp_session.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "mail/template_text.hpp"
#include "outbound/curl_handle.hpp"

namespace bulkhead::mail {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t longest_reply = 300;
constexpr int reply_go_ahead = 354, reply_closing = 421, reply_authentication_needed = 530;

struct release_parts {
    void operator()(curl_mime* parts) const noexcept { ::curl_mime_free(parts); }
};
using mime_parts = std::unique_ptr<curl_mime, release_parts>;

void require(CURLcode done) {
    if (done != CURLE_OK) throw std::runtime_error(fmt::format("libcurl: {}", ::curl_easy_strerror(done)));
}

/// The only line ends that SMTP has (RFC 5321 section 2.3.8).
std::string with_crlf(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 16);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' || text[i] == '\r') {
            if (text.substr(i, 2) == "\r\n") ++i;
            out += "\r\n";
        } else {
            out += text[i];
        }
    }
    return out;
}

void add_part(curl_mime* parent, const char* type, std::string_view body) {
    auto* part = ::curl_mime_addpart(parent);
    if (!part) throw std::bad_alloc();
    const auto lines = with_crlf(body);
    require(::curl_mime_data(part, lines.data(), lines.size()));
    require(::curl_mime_type(part, type));
    require(::curl_mime_encoder(part, "quoted-printable"));
}

/// The parts in the order of RFC 2046 section 5.1.4: the best last.
mime_parts bodies(CURL* easy, const message& mail) {
    mime_parts out(::curl_mime_init(easy));
    if (!out) throw std::bad_alloc();
    add_part(out.get(), "text/plain; charset=utf-8", mail.text);
    add_part(out.get(), "text/html; charset=utf-8", mail.html);
    return out;
}

outbound::curl_list header(const message& mail) {
    outbound::curl_list out;
    for (const auto& line : header_lines(mail)) out.append(line);
    out.append("Content-Type: multipart/alternative");  // libcurl adds the boundary
    return out;
}

}  // namespace

struct smtp_session::transfer {
    std::vector<curl_socket_t> sockets{};  // before the handle, which closes them
    outbound::curl_handle easy{};
    milliseconds connect_timeout{};
    const std::atomic<bool>* stopping = nullptr;
    int reply = 0;            // the last code, 0: none yet
    std::string words{};      // what came with it
    bool goes_on = false;     // it has more lines
    bool begun = false;       // MAIL was said: replies are about the mail
    bool went_ahead = false;  // the server waits for the message
    bool left = false;        // QUIT was said: replies do not matter any more

    ~transfer() { hear_no_more(); }  // libcurl would wait for the answer to QUIT for two minutes

    /// What is written still leaves.
    void hear_no_more() noexcept {
        for (const auto socket : sockets) ::shutdown(socket, SHUT_RD);
    }

    static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* where) {
        const auto socket = ::socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
        if (socket >= 0) static_cast<transfer*>(self)->sockets.push_back(socket);
        return socket < 0 ? CURL_SOCKET_BAD : socket;
    }

    static int on_close(void* self, curl_socket_t socket) {
        std::erase(static_cast<transfer*>(self)->sockets, socket);
        return ::close(socket);
    }

    /// Commands tell what the replies are to. Their arguments, which may be a password, are not looked at.
    static int on_debug(CURL*, curl_infotype kind, char* bytes, std::size_t size, void* self) {
        auto& t = *static_cast<transfer*>(self);
        const std::string_view command(bytes, size);
        if (kind != CURLINFO_HEADER_OUT) return 0;
        if (command.starts_with("MAIL ")) t.begun = true;
        if (command.starts_with("QUIT")) {
            t.left = true;
            t.hear_no_more();
        }
        return 0;
    }

    /// libcurl gives each line of a reply: "250-SIZE 1000", "250 OK".
    static std::size_t on_reply(char* bytes, std::size_t size, std::size_t count, void* self) {
        const std::string_view line(bytes, size * count);
        static_cast<transfer*>(self)->take_reply(line);
        return line.size();
    }

    void take_reply(std::string_view line) {
        const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
        if (left || line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return;
        reply = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        if (reply == reply_go_ahead) went_ahead = true;
        const bool first = words.empty() || !goes_on;
        goes_on = line.size() > 3 && line[3] == '-';
        if (first) words.clear();
        if (words.size() >= longest_reply) return;
        if (!first) words += ' ';
        words += line.substr(0, longest_reply - words.size());
    }

    /// While nothing of the message has left, stopping costs nobody a second copy.
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        const auto& t = *static_cast<transfer*>(self);
        return *t.stopping && !t.went_ahead ? 1 : 0;
    }

    CURLcode perform(milliseconds patience, bool fresh);
    [[nodiscard]] bool was_kept() const { return easy.info<long>(CURLINFO_NUM_CONNECTS) == 0; }
    [[nodiscard]] std::string server_words() const;
    [[nodiscard]] attempt judge(CURLcode done) const;
};

CURLcode smtp_session::transfer::perform(milliseconds patience, bool fresh) {
    reply = 0;
    words.clear();
    goes_on = begun = went_ahead = left = false;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(patience);
    easy.set(CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    easy.set(CURLOPT_TIMEOUT_MS, static_cast<long>(patience.count()));
    easy.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(connect_timeout, patience).count()));
    easy.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(seconds.count()));
    return easy.perform();
}

/// Servers write in any encoding, and what is long was cut.
std::string smtp_session::transfer::server_words() const {
    auto out = words;
    if (!is_utf8(out))
        std::ranges::replace_if(
            out, [](char c) { return (c & 0x80) != 0; }, '?');
    return without_addresses(on_one_line(out));
}

/// What libcurl's code and the last reply mean for the mail. CURLE_SEND_ERROR is what it makes of refused
/// envelopes, CURLE_WEIRD_SERVER_REPLY of refused messages.
attempt smtp_session::transfer::judge(CURLcode done) const {
    if (done == CURLE_OK) return {delivery{true, reply, server_words()}};
    const bool decided = begun && (done == CURLE_SEND_ERROR || done == CURLE_WEIRD_SERVER_REPLY);
    if (decided && reply >= 500 && reply != reply_authentication_needed)
        return {delivery{false, reply, server_words()}};

    const auto why = easy.reason(done);
    switch (done) {
        case CURLE_ABORTED_BY_CALLBACK: return {fail(errc::unavailable, "the program is stopping"), why};
        case CURLE_OPERATION_TIMEDOUT:
            return {fail(errc::deadline_exceeded, "the mail server did not answer in time"), why};
        case CURLE_LOGIN_DENIED:  // the server's words are left out: what was refused is the password
            return {
                fail(errc::unavailable, fmt::format("the mail server refused our login (reply {})", reply)),
                "login denied"};
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_USE_SSL_FAILED:
            return {fail(errc::unavailable, "no protected connection to the mail server"), why};
        default: break;
    }
    if (reply < 400) return {fail(errc::unavailable, "the mail server cannot be reached"), why};
    return {fail(errc::unavailable, fmt::format("the mail server did not take it for now (reply {})", reply)),
            server_words()};
}

smtp_session::smtp_session(const smtp_target& target) : transfer_(std::make_unique<transfer>()) {
    auto& t = *transfer_;
    t.connect_timeout = target.connect_timeout;
    const long use_tls = target.protect == encryption::required     ? CURLUSESSL_ALL
                         : target.protect == encryption::if_offered ? CURLUSESSL_TRY
                                                                    : CURLUSESSL_NONE;
    t.easy.set(CURLOPT_USE_SSL, use_tls);
    t.easy.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!target.ca_file.empty()) {
        t.easy.set(CURLOPT_CAINFO, target.ca_file.c_str());
        t.easy.set(CURLOPT_CAPATH, nullptr);
    }
    if (!target.user.empty()) {
        t.easy.set(CURLOPT_USERNAME, target.user.c_str());
        t.easy.set(CURLOPT_PASSWORD, std::string(target.password.reveal()).c_str());
    }
    t.easy.set(CURLOPT_PROXY, "");
    t.easy.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    t.easy.set(CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer must not keep us from stopping
    t.easy.set(CURLOPT_MAXAGE_CONN, static_cast<long>(target.keep.count()));
    t.easy.set(CURLOPT_OPENSOCKETFUNCTION, &transfer::on_open);
    t.easy.set(CURLOPT_OPENSOCKETDATA, transfer_.get());
    t.easy.set(CURLOPT_CLOSESOCKETFUNCTION, &transfer::on_close);
    t.easy.set(CURLOPT_CLOSESOCKETDATA, transfer_.get());
    t.easy.set(CURLOPT_VERBOSE, 1L);  // to on_debug, not to anybody else
    t.easy.set(CURLOPT_DEBUGFUNCTION, &transfer::on_debug);
    t.easy.set(CURLOPT_DEBUGDATA, transfer_.get());
    t.easy.set(CURLOPT_HEADERFUNCTION, &transfer::on_reply);
    t.easy.set(CURLOPT_HEADERDATA, transfer_.get());
    t.easy.set(CURLOPT_NOPROGRESS, 0L);
    t.easy.set(CURLOPT_XFERINFOFUNCTION, &transfer::on_progress);
    t.easy.set(CURLOPT_XFERINFODATA, transfer_.get());
    const bool v6 = target.host.find(':') != std::string::npos;
    base_url_ = fmt::format("{}://{}{}{}:{}/", target.protect == encryption::from_start ? "smtps" : "smtp",
                            v6 ? "[" : "", target.host, v6 ? "]" : "", target.port);
}

smtp_session::~smtp_session() = default;

attempt smtp_session::send(const message& mail, runtime::deadline until, const std::atomic<bool>& stopping) {
    auto& t = *transfer_;
    t.stopping = &stopping;
    // EHLO says the sender's domain: names of containers are none that a server would believe.
    const auto url = base_url_ + std::string(domain_of(mail.from.address));
    const auto lines = header(mail);
    const auto parts = bodies(t.easy.get(), mail);
    outbound::curl_list recipients;
    recipients.append(mail.to.address);
    t.easy.set(CURLOPT_URL, url.c_str());
    t.easy.set(CURLOPT_MAIL_FROM, mail.from.address.c_str());
    t.easy.set(CURLOPT_MAIL_RCPT, recipients.get());
    t.easy.set(CURLOPT_HTTPHEADER, lines.get());
    t.easy.set(CURLOPT_MIMEPOST, parts.get());

    attempt out{fail(errc::deadline_exceeded, "no time was left to send the mail")};
    bool fresh = false;
    for (auto left = until.remaining(); left > 0ms; left = until.remaining()) {
        const auto done = t.perform(left, fresh);
        out = t.judge(done);
        // Servers end connections that are old, idle or have carried enough; a new one is worth a try.
        const bool dismissed = t.reply == 0 || t.reply == reply_closing;
        if (fresh || done == CURLE_OK || !t.was_kept() || t.went_ahead || !dismissed) break;
        fresh = true;
    }
    t.easy.set(CURLOPT_MIMEPOST, nullptr);
    t.easy.set(CURLOPT_HTTPHEADER, nullptr);
    t.easy.set(CURLOPT_MAIL_RCPT, nullptr);
    return out;
}

}  // namespace bulkhead::mail
