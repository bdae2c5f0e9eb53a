import Foundations
import LosslessJSON

extension Rule {
    /// What happens to a session on its way.
    static let sessions: [Rule] = [
        Rule("D08", droppedFields),
        Rule("D17", withoutRid),
        Rule("D18", cacheable),
        Rule("D19", twoRefreshers),
        Rule("D22", missingKey),
        Rule("D23", tooLarge),
        Rule("D24", otherStatus),
    ]

    private static let dropFix =
        "Let each proxy pass Set-Cookie, front-token, anti-csrf and st-* on (nginx: no proxy_hide_header; gateways: their list of "
        + "response fields). --direct URL shows what the backend itself answers."

    private static func droppedFields(_ seen: Observations) -> Finding? {
        if let lost = lostOnTheWay(seen) { return lost }
        if let login = seen.reply(.login), login.isSuccess {
            let tokens = login.cookies.contains { Observations.isSession($0.name) } || login.has("st-access-token")
            if login.has("front-token"), login.value("front-token") != "remove", !tokens {
                return Finding(
                    "The log-in made a session, and no token arrives: something drops Set-Cookie (or st-access-token).",
                    seen: [seen.seen(.login, "Set-Cookie", "st-access-token", "front-token")], fix: dropFix)
            }
            if tokens, !login.has("front-token") {
                return Finding(
                    "The log-in made a session, and its front-token does not arrive: the front end does not know of it.",
                    seen: [seen.seen(.login, "Set-Cookie", "front-token")], fix: dropFix)
            }
        }
        let asked: [Probe] = [.headerRefusal, .refusal]
        let bare = asked.filter { seen.reply($0)?.value("front-token") == "remove" }
        let hasFields = asked.contains {
            seen.reply($0).map { $0.has("st-access-token") || $0.has("st-refresh-token") } ?? false
        }
        // SDKs from before node 18.0.2 clear nothing here, and then no cookies either.
        let clears = seen.reply(.refusal)?.cookies.contains { Observations.isSession($0.name) } ?? false
        guard !bare.isEmpty, !hasFields, clears else { return nil }
        return Finding(
            .advice,
            "Something drops empty fields: st-access-token and st-refresh-token are missing where they are cleared.",
            seen: bare.map { seen.seen($0, "front-token", "st-access-token", "st-refresh-token") },
            fix: dropFix + " Harmless for front ends from supertokens-website 16.0.10 on.")
    }

    private static func lostOnTheWay(_ seen: Observations) -> Finding? {
        for (probe, direct) in [(Probe.login, Probe.directLogin), (.refusal, .directRefusal)] {
            guard let outer = seen.reply(probe), let own = seen.reply(direct), own.status == outer.status else {
                continue
            }
            let names = ["set-cookie", "front-token", "anti-csrf", "st-access-token", "st-refresh-token"]
            let lost = names.filter { own.has($0) && !outer.has($0) }
            guard !lost.isEmpty else { continue }
            return Finding(
                "The way to the backend drops \(lost.joined(separator: ", ")).",
                seen: [seen.seen(probe)] + lost.map { seen.seen(direct, $0) }, fix: dropFix)
        }
        return nil
    }

    private static func withoutRid(_ seen: Observations) -> Finding? {
        guard seen.mode == .cookie, let plain = seen.reply(.plain), let whole = seen.reply(.protected),
            whole.isSuccess, plain.status == seen.expiredStatus
        else { return nil }
        return Finding(
            "The call is refused without rid and works with it: the backend asks for a custom header against CSRF.",
            seen: [seen.seen(.plain), seen.seen(.protected)],
            fix:
                "Call it through the front end's SDK (its fetch or XMLHttpRequest interceptor, tessera.js), or send 'rid: anti-csrf' by "
                + "hand, with rid among the allowed headers.")
    }

    private static func cacheable(_ seen: Observations) -> Finding? {
        let asked: [Probe] = [.login, .protected, .protectedAgain, .refresh]
        for probe in asked {
            guard let reply = seen.reply(probe), reply.status < 400, let reason = whyCacheable(reply) else { continue }
            return Finding(
                "An answer of a session may come from a cache: \(reason).",
                seen: [seen.seen(probe, "Cache-Control", "Age", "X-Cache")],
                fix:
                    "Send Cache-Control: no-store with answers that depend on a session, and take /session, log-in and protected paths "
                    + "out of the cache of proxies and of the site's development server.")
        }
        return nil
    }

    /// Why a cache may keep or has kept a reply; a POST without explicit freshness is never kept (RFC 9110 section 9.3.3).
    private static func whyCacheable(_ reply: ProbeReply) -> String? {
        if let age = reply.value("age").flatMap({ Int64($0) }), age > 0 { return "Age is \(age)" }
        let isHit = ["x-cache", "cf-cache-status", "x-cache-status"].contains { name in
            reply.values(name).contains { $0.lowercased().hasPrefix("hit") }
        }
        if isHit { return "a cache says that it had it" }
        let directives = reply.list("cache-control")
        if directives.contains("no-store") || directives.contains("private") || directives.contains("no-cache") {
            return nil
        }
        if directives.contains("public") { return "Cache-Control is public" }
        let lifetimes = directives.compactMap { directive -> Int64? in
            let sides = directive.split(separator: "=")
            return sides.count == 2 && ["max-age", "s-maxage"].contains(sides[0]) ? Int64(sides[1]) : nil
        }
        return lifetimes.contains { $0 > 0 } ? "Cache-Control gives it a lifetime" : nil
    }

    private static func twoRefreshers(_ seen: Observations) -> Finding? {
        guard let first = seen.reply(.refresh), first.isSuccess, let second = seen.reply(.repeatedRefresh),
            second.status == seen.expiredStatus
        else { return nil }
        return Finding(
            "The same refresh token twice within 2 s ends the session (\(second.body.contains("theft") ? "token theft detected" : "401")): "
                + "two tabs or a repeated request sign users out.",
            seen: [seen.seen(.refresh), seen.seen(.repeatedRefresh)],
            fix:
                "Refresh in one place only: not in a middleware of the site and in the browser. With Tessera as the core the successor "
                + "of a token is the same for all who present it (refresh_token_rotation_grace_period above 0); see decision 0012."
        )
    }

    /// The `kid` of the access token of a log-in.
    static func keyID(_ seen: Observations) -> String? {
        guard let login = seen.reply(.login), seen.hasSession else { return nil }
        let cookie = login.cookies.first { $0.name.hasSuffix("sAccessToken") && !$0.value.isEmpty }?.value
        guard let token = [login.value("st-access-token"), cookie].compactMap(\.self).first(where: { !$0.isEmpty }),
            let header = token.split(separator: ".").first, let bytes = Base64.url.decode(Array(header.utf8))
        else { return nil }
        return (try? JSONValue(parsing: bytes))?.object?["kid"]?.string
    }

    private static func missingKey(_ seen: Observations) -> Finding? {
        guard let kid = keyID(seen), let reply = seen.reply(.keySet), reply.status < 500 else { return nil }
        let keys = (try? JSONValue(parsing: Array(reply.body.utf8)))?.object?["keys"]?.array
        let fix =
            "Serve the key set uncached, or for less long than keys overlap; verifiers fetch it again when they meet an unknown kid. Both "
            + "the backend and the key set have to be of one core."
        guard let keys else {
            return Finding(
                .advice, "There is no key set at \(seen.api.text)/jwt/jwks.json: gateways cannot verify access tokens.",
                seen: [seen.seen(.keySet, "Content-Type")], fix: fix)
        }
        guard !keys.contains(where: { $0.object?["kid"]?.string == kid }) else { return nil }
        return Finding(
            "The key set lacks the key of the access token of this log-in (kid \(Evidence.clean(kid, limit: 60))).",
            seen: [seen.seen(.keySet, "Cache-Control", "Age") + "; \(keys.count) keys"], fix: fix)
    }

    private static func tooLarge(_ seen: Observations) -> Finding? {
        let fix = "Keep the access token's payload small: move what is large into session data or a database. "
        let large = seen.cookies { $0.name.utf8.count + $0.value.utf8.count > 4_096 }
        if let first = large.first {
            return Finding(
                "Browsers discard \(Evidence.clean(first.name, limit: 60)): name and value have "
                    + "\(first.name.utf8.count + first.value.utf8.count) bytes, and 4,096 is the most.",
                seen: large.map { Evidence.clean($0.redacted, limit: 300) }, fix: fix + largestClaims(seen))
        }
        guard let reply = seen.reply(.protected), [400, 413, 431, 494, 502].contains(reply.status), seen.hasSession,
            let login = seen.reply(.login)
        else { return nil }
        let carried =
            login.cookies.map { $0.name.utf8.count + $0.value.utf8.count }.reduce(0, +)
            + (login.value("st-access-token")?.utf8.count ?? 0)
        guard carried > 3_000 || reply.status == 431 || reply.status == 494 else { return nil }
        return Finding(
            "A call with the session's \(carried) bytes of tokens is answered \(reply.status): its head is too large for a server.",
            seen: [seen.seen(.protected)],
            fix: fix + "Allow 8 KiB or more of heads in each proxy (large_client_header_buffers). "
                + largestClaims(seen))
    }

    /// The largest claims by name, from the front token.
    private static func largestClaims(_ seen: Observations) -> String {
        guard let text = seen.reply(.login)?.value("front-token"), let bytes = Base64.standard.decode(Array(text.utf8)),
            let claims = (try? JSONValue(parsing: bytes))?.object?["up"]?.object
        else { return "" }
        let sizes = claims.members.map { ($0.name, $0.value.text.utf8.count) }.sorted { $0.1 > $1.1 }.prefix(3)
        return "Largest claims: "
            + sizes.map { "\(Evidence.clean($0.0, limit: 60)) \($0.1) bytes" }.joined(separator: ", ") + "."
    }

    private static func otherStatus(_ seen: Observations) -> Finding? {
        let fix =
            "Set sessionExpiredStatusCode to the same number in front end and backend (401 unless both say otherwise; say so to the doctor by "
            + "--expired-status), and let no middleware turn it into a redirect or a page."
        if let reply = seen.reply(.refusal), reply.status != seen.expiredStatus, reply.has("front-token"),
            reply.status < 500,
            !reply.isSuccess
        {
            return Finding(
                "A refusal has the status \(reply.status), and front ends wait for \(seen.expiredStatus) to refresh.",
                seen: [seen.seen(.refusal)], fix: fix)
        }
        guard let reply = seen.reply(.bare), reply.status != seen.expiredStatus, reply.status != 404,
            reply.status < 500,
            !reply.isSuccess || reply.isHTML
        else { return nil }
        return Finding(
            "A protected call without a session is answered \(reply.status)\(reply.isHTML ? " with a page" : "") instead of "
                + "\(seen.expiredStatus): front ends do not refresh.",
            seen: [seen.seen(.bare, "Location", "Content-Type")], fix: fix)
    }
}
