extension Rule {
    /// What browsers do with the cookies (RFC 6265bis).
    static let cookies: [Rule] = [
        Rule("D09", explains: ["D11"], secureMismatch),
        Rule("D10", crossSiteLax),
        Rule("D11", thirdParty),
        Rule("D12", explains: ["D10", "D11"], twoSpellings),
        Rule("D13", foreignDomain),
        Rule("D14", otherPath),
        Rule("D15", doubledCookies),
    ]

    private static func rejected(_ seen: Observations, _ isMeant: (CookieRejection) -> Bool) -> [SetCookie] {
        seen.cookies { cookie in
            CookieRejection.first(cookie, from: seen.cookieSource, seen.suffixes).map(isMeant) ?? false
        }
    }

    private static func shown(_ cookies: [SetCookie], _ seen: Observations) -> [String] {
        let probe = seen.hasSession ? Probe.login : .refusal
        return cookies.map { "\(probe.rawValue): Set-Cookie: \(Evidence.clean($0.redacted, limit: 300))" }
    }

    private static func secureMismatch(_ seen: Observations) -> Finding? {
        let none = rejected(seen) { $0 == .noneWithoutSecure || $0 == .partitionedWithoutSecure }
        if !none.isEmpty {
            return Finding(
                "Browsers discard \(names(none)): SameSite=None or Partitioned without Secure.",
                seen: shown(none, seen),
                fix:
                    "Serve the API by https with cookieSecure true, or use SameSite=Lax where site and API share a domain."
            )
        }
        let secure = rejected(seen) { $0 == .secureOverHTTP }
        guard !secure.isEmpty else { return nil }
        return Finding(
            "Browsers discard \(names(secure)): Secure cookies of a plain http answer.", seen: shown(secure, seen),
            fix: "Use https for the API (apiDomain https://...), or set cookieSecure to false for a trial over http.")
    }

    private static func names(_ cookies: [SetCookie]) -> String {
        Array(Set(cookies.map { Evidence.clean($0.name, limit: 60) })).sorted().joined(separator: ", ")
    }

    private static func crossSiteLax(_ seen: Observations) -> Finding? {
        guard !seen.isSameSite else { return nil }
        let bound = seen.cookies { $0.sameSite != SetCookie.SameSite.none }
        guard !bound.isEmpty else { return nil }
        return Finding(
            "Site and API are different sites (\(site(seen.site, seen)) and \(site(seen.api, seen))), and the cookies are SameSite=Lax or "
                + "Strict: browsers never send them.",
            seen: shown(bound, seen),
            fix:
                "Put both under one registrable domain with one scheme; or let the front end use header mode (tokenTransferMethod "
                + "header); or set cookieSameSite to none with https.")
    }

    private static func site(_ address: WebAddress, _ seen: Observations) -> String {
        "\(address.scheme)://\(address.registrableDomain(seen.suffixes))"
    }

    private static func thirdParty(_ seen: Observations) -> Finding? {
        guard !seen.isSameSite else { return nil }
        let open = seen.cookies { $0.sameSite == SetCookie.SameSite.none && !$0.isPartitioned }
        guard !open.isEmpty else { return nil }
        return Finding(
            .advice,
            "Site and API are different sites: these are third-party cookies, which Safari and Firefox and Chrome in their strict "
                + "modes do not send.",
            seen: shown(open, seen),
            fix:
                "Let the front end use header mode, or put both under one registrable domain; for an API embedded in one site, "
                + "Partitioned cookies (partitionsCookies) are sent by current browsers. --accept D11 if this is meant."
        )
    }

    private static func twoSpellings(_ seen: Observations) -> Finding? {
        guard seen.mode == .cookie, seen.site.host != seen.api.host else { return nil }
        let isOneMachine = seen.site.isLocal && seen.api.isLocal
        guard
            isOneMachine && (seen.site.isAddress != seen.api.isAddress || seen.site.isAddress)
                || seen.site.isAddress != seen.api.isAddress
        else { return nil }
        return Finding(
            "\(seen.site.host) and \(seen.api.host) are different sites for a browser, even on one machine.",
            seen: ["site \(seen.site.origin), API \(seen.api.origin)"],
            fix: "Use one spelling of the host, such as localhost, for the site, apiDomain and websiteDomain.")
    }

    private static func foreignDomain(_ seen: Observations) -> Finding? {
        let refused = rejected(seen) { [.foreignDomain, .publicSuffix, .domainWithPort, .prefix].contains($0) }
        guard let first = refused.first else { return nil }
        let reason =
            switch CookieRejection.first(first, from: seen.cookieSource, seen.suffixes) {
            case .publicSuffix: "\(Evidence.clean(first.domain ?? "")) is a public suffix"
            case .domainWithPort: "a Domain has no port"
            case .prefix: "the prefix __Host- or __Secure- does not go with its attributes"
            default: "\(seen.api.host) is not under \(Evidence.clean(first.domain ?? ""))"
            }
        return Finding(
            "Browsers discard \(names(refused)): \(reason).", seen: shown(refused, seen),
            fix:
                "Leave cookieDomain out for one host, or set it to a domain that an owner registered and that the API's host is under, "
                + "such as .\(seen.api.registrableDomain(seen.suffixes)).")
    }

    private static func otherPath(_ seen: Observations) -> Finding? {
        let refresh = seen.refreshAddress
        let off = seen.cookies { $0.name.hasSuffix("sRefreshToken") && !$0.covers(path: refresh.path, of: refresh) }
        if let first = off.first {
            let path = Evidence.clean(first.effectivePath(of: refresh))
            return Finding(
                "The refresh cookie has the path \(path), and refreshes go to \(refresh.path): it is never sent.",
                seen: shown(off, seen),
                fix:
                    "Set apiGatewayPath in the backend to what the gateway puts before its paths, or make apiBasePath of both sides "
                    + "equal.")
        }
        guard let path = seen.protectedPath else { return nil }
        let access = seen.cookies {
            $0.name.hasSuffix("sAccessToken") && !$0.covers(path: path, of: seen.refreshAddress)
        }
        guard !access.isEmpty else { return nil }
        return Finding(
            "The access cookie is not sent to \(Evidence.clean(path)).", seen: shown(access, seen),
            fix: "Set accessTokenPath to a path that all protected calls are under, such as /.")
    }

    private static func doubledCookies(_ seen: Observations) -> Finding? {
        let fix =
            "Set olderCookieDomain (and the older paths) in the backend until the old cookies are gone, keep cookieDomain as it was, or "
            + "use names with __Host-."
        let live = (seen.hasSession ? seen.cookieGroups.flatMap(\.self) : [])
            .filter { CookieRejection.first($0, from: seen.cookieSource, seen.suffixes) == nil }
        for name in ["sAccessToken", "sRefreshToken"] {
            let same = live.filter { $0.name.hasSuffix(name) }
            let isDoubled = Dictionary(grouping: same, by: \.name).values.contains { $0.count > 1 }
            if isDoubled {
                return Finding(
                    "One answer sets \(name) in two places: browsers send both, and the older one wins.",
                    seen: shown(same, seen), fix: fix)
            }
        }
        guard let domain = seen.oldDomain, let reply = seen.reply(.doubled) else { return nil }
        let isCleared = reply.cookies.contains {
            $0.isRemoval(at: reply.receivedAt) && Observations.isSession($0.name)
                && ($0.domain ?? seen.api.host) == (domain.hasPrefix(".") ? String(domain.dropFirst()) : domain)
        }
        guard !isCleared else { return nil }
        return Finding(
            "Cookies of the older domain \(Evidence.clean(domain)) are sent besides, and nothing removes them (\(reply.status)).",
            seen: [seen.seen(.doubled, "Set-Cookie")], fix: fix)
    }
}
