extension Rule {
    /// Whether there is an API where it is said to be.
    static let reach: [Rule] = [
        Rule("D01", explains: everythingElse(than: "D01", "D02", "D12", "D16"), noRoutes),
        Rule("D02", otherAPI),
        Rule("D16", explains: everythingElse(than: "D02", "D12", "D16"), redirected),
        Rule("D25", explains: ["D03", "D04", "D05", "D06", "D07", "D08", "D20", "D22", "D24"], coreUnreachable),
    ]

    private static func everythingElse(than kept: String...) -> Set<String> {
        Set((1...25).map { $0 < 10 ? "D0\($0)" : "D\($0)" }).subtracting(kept)
    }

    private static let basePathFix =
        "Set apiBasePath (and apiGatewayPath) of front end and backend to the same path, and install the SDK's middleware "
        + "before the application's own routes. The URL given to the doctor is apiDomain + apiGatewayPath + apiBasePath."

    private static func noRoutes(_ seen: Observations) -> Finding? {
        switch seen.outcomes[.refusal] {
        case nil: return nil
        case .failure(let failure)?:
            return Finding(
                "Nothing answers at \(seen.api.text): \(Evidence.clean(failure.description)).",
                seen: [seen.seen(.refusal)],
                fix:
                    "Start the backend, or correct host and port (apiDomain); --resolve HOST:PORT:ADDRESS stands in for DNS."
            )
        case .reply(let reply)?:
            guard let reason = whyNoRoutes(reply) else { return nil }
            return Finding(
                "No session routes at \(seen.api.text): POST /session/refresh answered \(reason).",
                seen: [seen.seen(.refusal, "Content-Type"), seen.seen(.keySet)], fix: basePathFix)
        }
    }

    /// What an SDK would not answer.
    private static func whyNoRoutes(_ reply: ProbeReply) -> String? {
        if reply.has("front-token") || reply.isRedirect || reply.status >= 500 { return nil }
        if reply.isHTML { return "\(reply.status) with a page" }
        let isMessage = reply.body.drop(while: \.isWhitespace).hasPrefix("{") && reply.body.contains("\"message\"")
        switch reply.status {
        case 401 where reply.has("www-authenticate") && !isMessage: return "401 by a log-in of a proxy"
        case 404, 405, 410: return "\(reply.status)"
        default: return isMessage ? nil : "\(reply.status) without the SDK's body"
        }
    }

    private static func otherAPI(_ seen: Observations) -> Finding? {
        guard let said = seen.frontEnd, let text = said.apiDomain else { return nil }
        let shown = Evidence.clean(text)
        let observed = [
            "\(Evidence.clean(said.source)): apiDomain \(shown), apiBasePath \(Evidence.clean(said.apiBasePath ?? "not said"))"
        ]
        let fix =
            "Set apiDomain and apiBasePath in the front end to the API's own origin and path, or examine that URL instead."
        guard let other = WebAddress(text.contains("://") ? text : "\(seen.api.scheme)://\(text)") else {
            return Finding("The site's apiDomain is no URL: \(shown).", seen: observed, fix: fix)
        }
        if other.host != seen.api.host {
            return Finding(
                "The site calls \(other.origin), and you examined \(seen.api.origin): its calls carry no session.",
                seen: observed, fix: fix)
        }
        if let path = said.apiBasePath, case let trimmed = WebAddress(other.origin + path)?.base.path,
            let trimmed, !seen.api.path.hasSuffix(trimmed)
        {
            return Finding(
                "The site refreshes at \(Evidence.clean(path)), and you examined \(seen.api.path).", seen: observed,
                fix: fix)
        }
        guard other.origin != seen.api.origin else { return nil }
        return Finding(
            .advice, "The site calls \(other.origin), which differs from \(seen.api.origin) in scheme or port.",
            seen: observed, fix: fix)
    }

    private static func redirected(_ seen: Observations) -> Finding? {
        for probe in [Probe.preflight, .refusal] {
            guard let reply = seen.reply(probe), reply.isRedirect else { continue }
            if probe == .preflight, !seen.isCrossOrigin { continue }
            return Finding(
                "The API redirects, and neither preflights nor refreshes follow redirects.",
                seen: [seen.seen(probe, "Location")],
                fix:
                    "Give the final URL, with its scheme and host, as apiDomain in front end and backend, or let the proxy "
                    + "pass \(seen.api.path) on instead of redirecting it (http to https, www, a slash at the end, a log-in page)."
            )
        }
        return nil
    }

    private static func coreUnreachable(_ seen: Observations) -> Finding? {
        let asked: [Probe] = [.refusal, .headerRefusal, .keySet, .login, .refresh]
        let failing = asked.filter { (seen.reply($0)?.status ?? 0) >= 500 }
        // A backend whose core is away verifies and refuses as ever; a log-in needs the core.
        guard let first = failing.first else { return nil }
        let core: String
        switch seen.outcomes[.core] {
        case nil: core = "Name the core with --core to see whether it is the core or the way to it."
        case .reply(let reply)? where reply.isSuccess:
            core =
                "The core answers from here: the way from the backend to it is broken (connectionURI, firewall, API key)."
        case .reply(let reply)?:
            core = "The core answers \(reply.status): see its log and 'tessera doctor' on its machine."
        case .failure(let failure)?:
            core = "The core does not answer from here either (\(Evidence.clean(failure.description))): start it."
        }
        let isGateway = seen.reply(first).map { [502, 504].contains($0.status) } ?? false
        return Finding(
            isGateway && failing.contains(.refusal)
                ? "The proxy does not reach the backend."
                : "The backend cannot answer; most often it does not reach its core.",
            seen: failing.map { seen.seen($0) } + (seen.outcomes[.core] == nil ? [] : [seen.seen(.core)]),
            fix: core + " The backend's log says why it failed.")
    }
}
