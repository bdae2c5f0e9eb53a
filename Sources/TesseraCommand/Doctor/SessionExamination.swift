import Foundations
import SessionDoctor

/// Asks an application's session routes what a browser would ask, and collects the answers; judges nothing.
struct SessionExamination {
    /// What else can be asked, where the caller said how.
    struct Wishes: Sendable {
        var login: ProbeRequest?
        var protected: ProbeRequest?
        var stream: ProbeRequest?
        /// The session routes past the proxies.
        var direct: WebAddress?
        var core: WebAddress?
        var isPlainFetch = false
    }

    private(set) var seen: Observations
    private let wishes: Wishes
    private let transport: ProbeTransport
    private var tokens = HeldTokens()

    init(_ seen: Observations, _ wishes: Wishes, _ transport: ProbeTransport) {
        (self.seen, self.wishes, self.transport) = (seen, wishes, transport)
    }

    /// Asks everything that can be asked.
    mutating func run() async {
        await ask(.page, ProbeRequest("GET", seen.site.at("/")))
        await readScripts()
        await askWithoutSession()
        guard seen.reply(.refusal) != nil || seen.reply(.preflight) != nil else { return }
        await ask(.keySet, ProbeRequest("GET", seen.api.at(seen.api.path + "/jwt/jwks.json")))
        if let core = wishes.core { await ask(.core, ProbeRequest("GET", core.base.at(core.base.path + "/hello"))) }
        if let protected = wishes.protected { await ask(.bare, asFrontEnd(protected)) }
        await logIn()
        if let stream = wishes.stream { await ask(.stream, asFrontEnd(stream, with: tokens)) }
        if seen.hasSession { await useSession() }
        if seen.oldDomain != nil { await askWithDoubledCookies() }
    }

    private mutating func ask(_ probe: Probe, _ request: ProbeRequest) async {
        seen.outcomes[probe] = await transport.send(request)
    }

    private mutating func askWithoutSession() async {
        var preflight = ProbeRequest("OPTIONS", seen.refreshAddress)
        preflight.fields = [
            HeaderField("Origin", seen.site.origin), HeaderField("Access-Control-Request-Method", "POST"),
            HeaderField("Access-Control-Request-Headers", "anti-csrf,authorization,fdi-version,rid,st-auth-mode"),
        ]
        await ask(.preflight, preflight)
        await ask(.refusal, refresh(of: seen.api))
        guard seen.reply(.refusal) != nil else { return }
        var bearer = refresh(of: seen.api, mode: .header)
        bearer.fields.append(HeaderField("Authorization", "Bearer none"))
        await ask(.headerRefusal, bearer)
        for _ in 0..<3 { seen.repeats.append(await transport.send(refresh(of: seen.api))) }
        if let direct = wishes.direct { await ask(.directRefusal, refresh(of: direct.base)) }
    }

    private func refresh(of api: WebAddress, mode: TokenMode? = nil, with tokens: HeldTokens? = nil) -> ProbeRequest {
        let request = ProbeRequest("POST", api.at(api.path + "/session/refresh"))
        return asFrontEnd(request, mode: mode, with: tokens, refreshes: true)
    }

    /// A request as the SDK of a front end sends it.
    private func asFrontEnd(
        _ request: ProbeRequest, mode: TokenMode? = nil, with tokens: HeldTokens? = nil, refreshes: Bool = false,
        isPlain: Bool = false
    ) -> ProbeRequest {
        var request = request
        let mode = mode ?? (tokens == nil ? seen.statedMode ?? .cookie : seen.mode)
        request.fields.append(HeaderField("Origin", seen.site.origin))
        if !isPlain {
            request.fields += [
                HeaderField("rid", "anti-csrf"), HeaderField("fdi-version", "4.0,4.1"),
                HeaderField("st-auth-mode", mode.rawValue),
            ]
        }
        if let tokens { request.fields += tokens.fields(mode, refreshes: refreshes, isPlain: isPlain) }
        return request
    }

    private mutating func logIn() async {
        guard let login = wishes.login else { return }
        await ask(.login, asFrontEnd(login))
        if let reply = seen.reply(.login) { tokens.take(reply) }
        guard let direct = wishes.direct, seen.hasSession || seen.reply(.login)?.isSuccess ?? false else { return }
        var past = login
        past.address = direct.at(login.address.path)
        await ask(.directLogin, asFrontEnd(past))
    }

    private mutating func useSession() async {
        if let protected = wishes.protected {
            seen.protectedPath = protected.address.path
            await ask(.protected, asFrontEnd(protected, with: tokens))
            await ask(.protectedAgain, asFrontEnd(protected, with: tokens))
            if wishes.isPlainFetch { await ask(.plain, asFrontEnd(protected, with: tokens, isPlain: true)) }
        }
        let before = tokens
        for probe in [Probe.refresh, .repeatedRefresh] {
            await ask(probe, refresh(of: seen.api, with: before))
            guard let reply = seen.reply(probe), reply.isSuccess else { break }
            tokens.take(reply)
        }
        // The session was made for this examination alone.
        _ = await transport.send(
            asFrontEnd(ProbeRequest("POST", seen.api.at(seen.api.path + "/signout")), with: tokens))
    }

    private mutating func askWithDoubledCookies() async {
        var doubled = refresh(of: seen.api)
        doubled.fields.append(
            HeaderField("Cookie", "sAccessToken=a; sRefreshToken=a; sAccessToken=b; sRefreshToken=b"))
        await ask(.doubled, doubled)
    }

    private mutating func readScripts() async {
        guard let page = seen.reply(.page), page.isSuccess, seen.frontEnd == nil else { return }
        seen.frontEnd = FrontEndConfiguration(scanning: page.body, source: "the page of \(seen.site.origin)")
        for path in PageScripts.paths(in: page.body, of: seen.site).prefix(4) where seen.frontEnd == nil {
            let script = await transport.send(ProbeRequest("GET", seen.site.at(path)))
            guard let body = script.reply?.body else { continue }
            seen.frontEnd = FrontEndConfiguration(scanning: body, source: "the script \(path) of \(seen.site.origin)")
        }
    }
}

/// The tokens that a front end would hold.
struct HeldTokens: Sendable {
    private var cookies: [(name: String, value: String)] = []
    private var access: String?
    private var refresh: String?
    private var antiCSRF: String?

    /// Takes what a reply sets, and drops what it removes.
    mutating func take(_ reply: ProbeReply) {
        for cookie in reply.cookies {
            cookies.removeAll { $0.name == cookie.name }
            if !cookie.isRemoval(at: reply.receivedAt) { cookies.append((cookie.name, cookie.value)) }
        }
        if let token = reply.value("st-access-token") { access = token.isEmpty ? nil : token }
        if let token = reply.value("st-refresh-token") { refresh = token.isEmpty ? nil : token }
        if let token = reply.value("anti-csrf") { antiCSRF = token }
    }

    /// The fields that carry them.
    func fields(_ mode: TokenMode, refreshes: Bool, isPlain: Bool) -> [HeaderField] {
        var fields: [HeaderField] = []
        let sent = cookies.filter { refreshes || !$0.name.hasSuffix("sRefreshToken") }
        if mode == .cookie, !sent.isEmpty {
            fields.append(HeaderField("Cookie", sent.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")))
        }
        if mode == .header, let token = refreshes ? refresh : access {
            fields.append(HeaderField("Authorization", "Bearer \(token)"))
        }
        if let antiCSRF, !isPlain { fields.append(HeaderField("anti-csrf", antiCSRF)) }
        return fields
    }
}

/// The scripts of a page that are on its own host.
enum PageScripts {
    /// Their paths, in order.
    ///
    /// - Parameters:
    ///   - page: HTML.
    ///   - site: where it is from.
    static func paths(in page: String, of site: WebAddress) -> [String] {
        var (paths, rest): ([String], Substring) = ([], page[...])
        while let place = rest.firstRange(of: "<script") {
            rest = rest[place.upperBound...]
            let tag = rest.prefix { $0 != ">" }
            guard let source = tag.firstRange(of: "src=") else { continue }
            let value = tag[source.upperBound...]
            guard let quote = value.first, quote == "\"" || quote == "'" else { continue }
            let text = String(value.dropFirst().prefix { $0 != quote && $0 != "?" })
            if text.hasPrefix("/"), !text.hasPrefix("//"), WebAddress(site.origin + text) != nil {
                paths.append(text)
            } else if let address = WebAddress(text), address.origin == site.origin {
                paths.append(address.path)
            }
        }
        return paths
    }
}
