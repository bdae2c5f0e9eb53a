extension Rule {
    /// What a browser asks and reads across origins (Fetch, "CORS protocol").
    static let cors: [Rule] = [
        Rule("D03", explains: [], preflightRefuses),
        Rule("D04", explains: ["D06"], otherOrigin),
        Rule("D05", noCredentials),
        Rule("D06", explains: ["D07"], lostOnErrors),
        Rule("D07", notExposed),
    ]

    /// The preflight's answer, where there is one that browsers would read.
    private static func preflight(_ seen: Observations) -> ProbeReply? {
        guard seen.isCrossOrigin, let reply = seen.reply(.preflight), !reply.isRedirect else { return nil }
        return reply
    }

    /// Fields that every call needs in the mode at hand, and those that only some need.
    private static func fields(_ seen: Observations) -> (needed: [String], others: [String]) {
        var needed = ["fdi-version", "rid", "st-auth-mode"]
        if seen.mode == .header { needed.append("authorization") }
        if seen.reply(.login)?.has("anti-csrf") ?? false { needed.append("anti-csrf") }
        return (needed, ["anti-csrf", "authorization"].filter { !needed.contains($0) })
    }

    private static func preflightRefuses(_ seen: Observations) -> Finding? {
        guard let reply = preflight(seen) else { return nil }
        let fix =
            "Answer OPTIONS with 2xx in the outermost layer, with POST in Access-Control-Allow-Methods and all names of the SDK's "
            + "getAllCORSHeaders() (Sessions.allowedCORSHeaders) in Access-Control-Allow-Headers; '*' counts for none of them."
        guard reply.isSuccess else {
            return Finding(
                "The preflight is answered \(reply.status): browsers do not send the call.",
                seen: [seen.seen(.preflight)],
                fix: fix)
        }
        let allowed = reply.list("access-control-allow-headers")
        let (needed, others) = fields(seen)
        let observed = [seen.seen(.preflight, "Access-Control-Allow-Headers", "Access-Control-Allow-Methods")]
        let missing = needed.filter { !allowed.contains($0) }
        if !missing.isEmpty {
            return Finding(
                "The preflight does not allow: \(missing.joined(separator: ", ")).", seen: observed, fix: fix)
        }
        let methods = reply.list("access-control-allow-methods")
        // POST is safelisted; a list that leaves it out is odd and harmless, the methods of the application are its own.
        let later = others.filter { !allowed.contains($0) }
        guard !later.isEmpty, !methods.isEmpty || !allowed.isEmpty else { return nil }
        return Finding(
            .advice,
            "The preflight does not allow \(later.joined(separator: ", ")), which other modes of the SDK send.",
            seen: observed, fix: fix)
    }

    private static func otherOrigin(_ seen: Observations) -> Finding? {
        guard seen.isCrossOrigin else { return nil }
        let fix =
            "Echo the site's origin exactly, \(seen.site.origin), with scheme, host and port and without a slash, in "
            + "Access-Control-Allow-Origin; with credentials '*' is not taken. In Tessera it is websiteDomain or origin."
        if let refusal = seen.reply(.refusal), refusal.status == 403, refusal.body.contains("the origin is not trusted")
        {
            return Finding(
                "The backend does not trust the origin \(seen.site.origin).", seen: [seen.seen(.refusal)], fix: fix)
        }
        for probe in [Probe.preflight, .refusal, .login] {
            guard let reply = seen.reply(probe), !reply.isRedirect else { continue }
            let values = reply.values("access-control-allow-origin")
            // A preflight that fails altogether is D03; an answer without CORS after a good preflight is D06.
            if values.isEmpty, probe != .preflight || !reply.isSuccess { continue }
            guard values != [seen.site.origin] else { continue }
            let said = values.isEmpty ? "no origin" : values.map { Evidence.clean($0) }.joined(separator: " and ")
            return Finding(
                "The API allows \(said) instead of \(seen.site.origin).",
                seen: [seen.seen(probe, "Access-Control-Allow-Origin")], fix: fix)
        }
        return nil
    }

    private static func noCredentials(_ seen: Observations) -> Finding? {
        guard seen.isCrossOrigin else { return nil }
        for probe in [Probe.preflight, .refusal, .login] {
            guard let reply = seen.reply(probe), reply.has("access-control-allow-origin"), !reply.isRedirect,
                reply.values("access-control-allow-credentials") != ["true"]
            else { continue }
            return Finding(
                "Access-Control-Allow-Credentials is not 'true': browsers neither send cookies nor give the answer away.",
                seen: [seen.seen(probe, "Access-Control-Allow-Credentials")],
                fix:
                    "Set Access-Control-Allow-Credentials: true (credentials: true of the CORS layer) on preflights and answers."
            )
        }
        return nil
    }

    private static func lostOnErrors(_ seen: Observations) -> Finding? {
        guard let preflight = preflight(seen), preflight.isSuccess,
            preflight.values("access-control-allow-origin") == [seen.site.origin]
        else { return nil }
        for probe in [Probe.refusal, .login, .bare, .protected] {
            guard let reply = seen.reply(probe), !reply.isRedirect, reply.status < 500 else { continue }
            guard !reply.has("access-control-allow-origin") else { continue }
            return Finding(
                "The preflight is good, and the answer itself (\(reply.status)) has no Access-Control-Allow-Origin.",
                seen: [
                    seen.seen(.preflight, "Access-Control-Allow-Origin"),
                    seen.seen(probe, "Access-Control-Allow-Origin"),
                ],
                fix:
                    "Put the CORS layer outside of the session middleware, and let it write on error answers too (nginx: "
                    + "add_header ... always).")
        }
        return nil
    }

    private static func notExposed(_ seen: Observations) -> Finding? {
        guard seen.isCrossOrigin else { return nil }
        for probe in [Probe.login, .refresh, .refusal, .headerRefusal] {
            guard let reply = seen.reply(probe), reply.has("access-control-allow-origin") else { continue }
            let exposed = reply.list("access-control-expose-headers")
            var carried = ["front-token", "anti-csrf"]
            if seen.mode == .header { carried += ["st-access-token", "st-refresh-token"] }
            let hidden = carried.filter { reply.has($0) && !exposed.contains($0) }
            guard !hidden.isEmpty else { continue }
            let star = exposed.contains("*") ? " '*' has no effect with credentials." : ""
            return Finding(
                "Scripts cannot read \(hidden.joined(separator: ", ")): not in Access-Control-Expose-Headers.\(star)",
                seen: [seen.seen(probe, "Access-Control-Expose-Headers")],
                fix:
                    "Expose front-token, anti-csrf, st-access-token and st-refresh-token by name on the answers themselves; the SDK "
                    + "does so unless a CORS layer or a proxy overwrites Access-Control-Expose-Headers.")
        }
        return nil
    }
}
