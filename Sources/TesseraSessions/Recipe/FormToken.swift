import Foundations
package import HTTPTypes
import SessionEngine

/// The token that a form of the application sends back: no other site can read it, and no other browser can use
/// it (docs/decisions/0033).
///
/// It is an HMAC under a secret that only the browser keeps, in a cookie that scripts cannot read and, over TLS, no other host
/// can set. So nothing is stored and nothing has to be configured, also with several servers. The session's name is in it:
/// after sign-in and sign-out the forms of before are refused.
struct FormToken {
    private static let secretLength = 32
    private static let nonceLength = 16
    private static let lifetime = Milliseconds.seconds(30 * 24 * 3_600)

    let settings: SessionSettings
    let exchange: SessionExchange

    /// The name of the cookie with the secret.
    private var cookieName: String { settings.isSecure ? "__Host-tessera-form" : "tessera-form" }

    /// A token for a page; each is different, so that compressing pages does not reveal one.
    ///
    /// - Parameter clock: where randomness and time come from.
    /// - Returns: letters, digits, `-`, `_` and a dot: nothing that HTML has to escape.
    func make(_ clock: ClockAndRandomness) throws(SessionError) -> String {
        var random = clock.random
        exchange.changes.forbidStoring()
        var secret = knownSecret ?? []
        if secret.isEmpty { secret = try newSecret(clock, &random) }
        let nonce = Base64.url.encodedText(RandomText.bytes(Self.nonceLength, using: &random))
        return "\(nonce).\(code(nonce, secret))"
    }

    /// Compares a token with those of this browser and this session.
    ///
    /// - Throws: ``SessionError/badFormToken(_:)``.
    func check(_ token: String?) throws(SessionError) {
        guard let token, !token.isEmpty else { throw .badFormToken("it has no token") }
        guard let secret = knownSecret else { throw .badFormToken("its browser did not send the form's cookie") }
        let parts = token.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count <= 64,
            ConstantTime.equals(code(String(parts[0]), secret), String(parts[1]))
        else { throw .badFormToken("its token is of another browser or session") }
    }

    private func code(_ nonce: String, _ secret: [UInt8]) -> String {
        KeyedHash.of("tessera form 1\n\(nonce)\n\(sessionName)", key: secret)
    }

    /// The session that the request's cookies name, unverified: it is bound and gives nothing.
    private var sessionName: String {
        let tokens = RequestTokens(exchange.request, settings)
        let text = tokens.firstCookieValue(.access) ?? ""
        return (try? UnverifiedAccessToken(text))?.statedHandle?.rawValue ?? ""
    }

    private var knownSecret: [UInt8]? {
        let cookies = RequestCookies(exchange.request.headerFields)
        guard let text = cookies.first(cookieName), let secret = Base64.url.decode(Array(text.utf8)),
            secret.count == Self.secretLength
        else { return nil }
        return secret
    }

    private func newSecret(
        _ clock: ClockAndRandomness, _ random: inout ClockAndRandomness.Generator
    ) throws(SessionError) -> [UInt8] {
        if let made = exchange.changes.formSecret { return made }
        let secret = RandomText.bytes(Self.secretLength, using: &random)
        let now = clock.time()
        var cookie = SetCookie(
            name: cookieName, value: Base64.url.encodedText(secret), path: "/", expiresAt: now + Self.lifetime,
            isSecure: settings.isSecure, sameSite: try settings.sameSite(for: exchange.request))
        cookie.maxAge = Self.lifetime.count / 1_000
        cookie.isPartitioned = settings.configuration.partitionsCookies
        exchange.changes.set(cookie)
        exchange.changes.formSecret = secret
        return secret
    }
}

extension Sessions {
    /// The name of the form's field.
    package static let formField = "form-token"

    /// A token for a form of the page that is being made (docs/decisions/0033).
    ///
    /// - Throws: ``SessionError/misconfigured(_:)`` when the application names no website.
    public func formToken(in exchange: SessionExchange) throws(SessionError) -> String {
        try FormToken(settings: settings, exchange: exchange).make(clock)
    }

    /// The hidden field with a token, to be put into a form as it is.
    ///
    /// - Throws: as ``formToken(in:)``.
    public func formField(in exchange: SessionExchange) throws(SessionError) -> String {
        "<input type=\"hidden\" name=\"\(Self.formField)\" value=\"\(try formToken(in: exchange))\">"
    }

    /// Refuses what another site may have made a browser send: a request from an origin that is not trusted, and a form
    /// without the token of this browser and this session.
    ///
    /// - Parameters:
    ///   - exchange: the request.
    ///   - body: its body; only that of a form is read.
    /// - Throws: ``SessionError/untrustedOrigin(_:)`` or ``SessionError/badFormToken(_:)``.
    public func checkForm(_ exchange: SessionExchange, body: String) throws(SessionError) {
        let request = exchange.request
        guard !RequestChecks.isSafe(request.method) else { return }
        guard try RequestChecks.isFromTrustedOrigin(request, settings) else {
            throw RequestChecks.untrustedOrigin(of: request)
        }
        let type = request.headerFields[.contentType] ?? ""
        // A form can send plain text as well, and cannot bring its token there.
        if type.lowercased().hasPrefix("text/plain") && !RequestChecks.statesOrigin(request) {
            throw .badFormToken("it is sent as plain text, by a browser that does not say from where")
        }
        guard RequestChecks.isForm(request) else { return }
        try FormToken(settings: settings, exchange: exchange).check(FormBody.value(Self.formField, of: body, type))
    }

    /// Whether a request has a body that ``checkForm(_:body:)`` reads.
    package static func needsFormBody(_ request: HTTPRequest) -> Bool {
        !RequestChecks.isSafe(request.method) && RequestChecks.isForm(request)
    }
}

/// The bodies of forms, as far as one field needs them.
enum FormBody {
    /// The first value of a field.
    ///
    /// - Parameters:
    ///   - name: the field's name.
    ///   - body: the whole body.
    ///   - type: its `Content-Type`.
    static func value(_ name: String, of body: String, _ type: String) -> String? {
        if type.lowercased().hasPrefix("multipart/") { return part(name, of: body, type) }
        for pair in body.utf8.split(separator: UInt8(ascii: "&")) {
            let key = pair.prefix { $0 != UInt8(ascii: "=") }
            guard PercentEncoding.decode(key, plusIsSpace: true) == name else { continue }
            return PercentEncoding.decode(pair.dropFirst(key.count + 1), plusIsSpace: true)
        }
        return nil
    }

    /// The value of a part without a file (RFC 7578).
    private static func part(_ name: String, of body: String, _ type: String) -> String? {
        let boundary = type.split(separator: ";").map { $0.trimmed(\.isWhitespace) }
            .first { $0.lowercased().hasPrefix("boundary=") }?.dropFirst(9).trimmed { $0 == "\"" }
        guard let boundary, !boundary.isEmpty else { return nil }
        var lines = body.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
        while let line = lines.popFirst() {
            guard line == "--\(boundary)" else { continue }
            let head = lines.prefix { !$0.isEmpty }
            guard let field = head.first(where: { $0.lowercased().hasPrefix("content-disposition:") }),
                field.split(separator: ";").contains(where: { $0.trimmed(\.isWhitespace) == "name=\"\(name)\"" })
            else { continue }
            return lines.dropFirst(head.count + 1).first.map(String.init)
        }
        return nil
    }
}
