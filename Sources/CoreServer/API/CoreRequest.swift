import CoreDriverInterface
import EdgeVerdicts
public import Foundations
import SessionEngine

/// A request as a value: all that the core reads of one.
public struct CoreRequest: Sendable, Redacted {
    /// The method, in uppercase.
    public var method: String
    /// The path as it was sent, without the query.
    public var path: String
    /// The query as it was sent, without the question mark.
    public var query: String?
    /// The `cdi-version` header.
    public var version: String?
    /// The `api-key` header.
    public var apiKey: String?
    /// The `Authorization` header.
    public var authorization: String?
    /// The `If-None-Match` header.
    public var ifNoneMatch: String?
    /// The host that the caller has for this core: the `Host` header, or the authority of the target.
    public var host: String?
    /// The `Origin` header, which only web pages send.
    public var origin: String?
    /// The `Sec-Fetch-Site` header, which only browsers send.
    public var fetchSite: String?
    /// The `tessera-actor` header: for whom the application ends sessions.
    public var actor: String?
    /// The `tessera-activity` header: whether a background task of a client asks for a refresh.
    public var activity: String?
    /// The `tessera-session-policy` header: what a new session asks for.
    public var policy: String?
    /// The `Accept` header.
    package var accept: String?
    /// The `Last-Event-ID` header, which an event source sends when it asks again.
    package var lastEventID: String?
    /// The `tessera-client-…` headers: what a backend says about the client.
    package var client = ClientFields()
    /// The `tessera-dpop` header: the proof that came with a client's request.
    package var proof: String?
    /// The `tessera-dpop-target` header: what that request asked for.
    package var proofTarget: String?
    /// What a sidecar reads of the fields; a core has no use for it.
    var edgeFields: [EdgeRequest.Field] = []
    /// The `tessera-dbsc` header: what came with a browser's request of the credentials of its device.
    package var device: String?
    /// The body.
    ///
    /// It is UTF-8 whatever its content type says.
    public var body: [UInt8]

    public init(
        method: String, path: String, query: String? = nil, version: String? = nil, apiKey: String? = nil,
        authorization: String? = nil, ifNoneMatch: String? = nil, body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.version = version
        self.apiKey = apiKey
        self.authorization = authorization
        self.ifNoneMatch = ifNoneMatch
        self.body = body
    }

    /// The proof of a client's key, if its backend passed one on.
    var presentedProof: PresentedProof? { proof.map { PresentedProof($0, for: proofTarget ?? "") } }

    /// What its backend says about the browser's device: a dictionary of RFC 9651 (docs/dbsc.md).
    ///
    /// - Throws: `InvalidRequest` for what is no dictionary, or has a member of another form.
    func presentedDevice() throws(InvalidRequest) -> PresentedDevice {
        var presented = PresentedDevice()
        guard let device else { return presented }
        guard let members = StructuredDictionary(device)?.members else { throw Self.notADevice }
        for (name, value) in members {
            switch (name, value) {
            case ("offer", .flag(let flag)): presented.wantsOffer = flag
            case ("report", .flag(let flag)): presented.reportsOnly = flag
            case ("skipped", .flag(let flag)): presented.wasSkipped = flag
            case ("value", .text(let text)): presented.cookie = text
            case ("offer", _), ("report", _), ("skipped", _), ("value", _): throw Self.notADevice
            default: break
            }
        }
        return presented
    }

    private static var notADevice: InvalidRequest {
        InvalidRequest(
            .invalidParameter("tessera-dbsc", expected: "a dictionary of offer, report, skipped and value=\"text\""))
    }

    /// Adds what its backend says about the client to a refresh token.
    func describeClient(to presented: inout PresentedRefreshToken) throws(InvalidRequest) {
        (presented.client, presented.proof) = (client.facts, presentedProof)
        presented.device = try presentedDevice()
    }

    /// The method and the path; keys, tokens and the body are secrets.
    public var description: String { "\(method) \(path)" }

    /// Whether the caller has what a validator names (RFC 9110 section 13.1.2).
    func holds(_ validator: String) -> Bool {
        (ifNoneMatch ?? "").split(separator: ",").contains { part in
            let name = part.drop { $0 == " " }
            return name == "*" || name.hasPrefix(validator) || name.hasPrefix("W/" + validator)
        }
    }

    /// Whether the caller asks for a media type by its name (RFC 9110 section 12.5.1).
    func accepts(_ type: String) -> Bool {
        (accept ?? "").split(separator: ",").contains { range in
            range.prefix { $0 != ";" }.trimmed { $0 == " " || $0 == "\t" } == type
        }
    }

    /// The first value of a query parameter, decoded as a form is (`+` is a space); `nil` when it is missing or is not
    /// UTF-8.
    func parameter(_ name: String) -> String? {
        guard let query else { return nil }
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let key = pair.prefix { $0 != UInt8(ascii: "=") }
            if Self.isName(key, name) {
                return PercentEncoding.decode(pair[key.endIndex...].dropFirst(), plusIsSpace: true)
            }
        }
        return nil
    }

    /// The names of the query's parameters, decoded; `nil` for one that is not UTF-8.
    var parameterNames: [String?] {
        (query ?? "").utf8.split(separator: UInt8(ascii: "&")).map { pair in
            PercentEncoding.decode(pair.prefix { $0 != UInt8(ascii: "=") }, plusIsSpace: true)
        }
    }

    /// Whether a key of the query is this name; only one that was written with escapes is decoded.
    private static func isName(_ key: Substring.UTF8View, _ name: String) -> Bool {
        key.elementsEqual(name.utf8)
            || (key.contains(UInt8(ascii: "%")) && PercentEncoding.decode(key, plusIsSpace: true) == name)
    }
}
