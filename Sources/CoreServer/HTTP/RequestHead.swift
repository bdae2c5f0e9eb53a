import NIOHTTP1

/// All that the server reads of a request's head, each field looked at once.
struct RequestHead {
    let method: String
    /// The path as it was sent, without the query.
    let path: String
    /// The query as it was sent, without the question mark.
    let query: String?
    let isVersion10: Bool
    /// Whether the connection stays open after the reply (RFC 9112 section 9.3).
    let keepsAlive: Bool
    /// Whether the client wants another protocol on this connection, which is not given.
    let wantsUpgrade: Bool
    /// The authority of the target, or else the field `Host`.
    let host: String?
    /// The authority of the target, where that is absolute.
    let authority: String?
    let fields: Fields
    /// All fields as they came.
    let headers: HTTPHeaders

    /// The fields that mean something here.
    struct Fields {
        var hosts: [String] = []
        var contentLength: String?
        var transferEncodings: [String] = []
        var expectation: String?
        var version: String?
        var apiKey: String?
        var authorization: String?
        var ifNoneMatch: String?
        var origin: String?
        var fetchSite: String?
        var actor: String?
        var activity: String?
        var policy: String?
        var accept: String?
        var lastEventID: String?
        var client = ClientFields()
        var proof: String?
        var proofTarget: String?
        var device: String?
        var requestIDs: [String] = []
        var hasUpgrade = false
        /// Whether a field that has one value came with two.
        var isContradictory = false
    }

    init(_ head: HTTPRequestHead) {
        headers = head.headers
        fields = Fields(head.headers)
        method = head.method.rawValue
        isVersion10 = head.version.minor == 0
        keepsAlive = head.isKeepAlive
        wantsUpgrade = fields.hasUpgrade || head.method == .CONNECT
        let target = RequestTarget(head.uri)
        (path, query) = (target.path, target.query)
        authority = target.authority
        host = target.authority ?? fields.hosts.first
    }

    /// Whether bytes of a body follow.
    var hasBody: Bool { !fields.transferEncodings.isEmpty || (announcedLength ?? 0) > 0 }

    /// The length in the head, if there is one.
    var announcedLength: Int? { fields.contentLength.flatMap { Int($0) } }
}

/// A target of a request, in any of the forms of RFC 9112 section 3.2.
struct RequestTarget: Equatable {
    let authority: String?
    let path: String
    let query: String?

    init(_ text: String) {
        var rest = text[...]
        var authority: String?
        if !rest.utf8.starts(with: "/".utf8), let scheme = Self.scheme(of: rest) {
            let place = rest.dropFirst(scheme)
            let end = place.firstIndex { $0 == "/" || $0 == "?" } ?? place.endIndex
            authority = String(place[..<end])
            rest = place[end...]
        }
        self.authority = authority
        let path: Substring
        if let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?")) {
            path = rest[..<mark]
            query = String(rest[rest.utf8.index(after: mark)...])
        } else {
            path = rest
            query = nil
        }
        self.path = path.isEmpty ? "/" : String(path)
    }

    /// How long the beginning of an absolute target is.
    private static func scheme(of text: Substring) -> Int? {
        ["http://", "https://"].first { text.prefix($0.count).lowercased() == $0 }?.count
    }
}

extension RequestHead.Fields {
    init(_ headers: HTTPHeaders) {
        for (name, value) in headers { read(name, value.withoutTrailingBlanks) }
    }

    /// The length of a name distinguishes most of them.
    private mutating func read(_ name: String, _ value: String) {
        switch name.utf8.count {
        case 4 where name.isField("host"): hosts.append(value)
        case 6 where name.isField("accept"): accept = accept.map { "\($0), \(value)" } ?? value
        case 6 where name.isField("expect"): expectation = expectation.map { "\($0), \(value)" } ?? value
        case 6 where name.isField("origin"): origin = value
        case 7 where name.isField("api-key"): set(\.apiKey, value)
        case 7 where name.isField("upgrade"): hasUpgrade = true
        case 11 where name.isField("cdi-version"): set(\.version, value)
        case 12 where name.isField("x-request-id"): requestIDs.append(value)
        case 12 where name.isField("tessera-dpop"): set(\.proof, value)
        case 12 where name.isField("tessera-dbsc"): set(\.device, value)
        case 13 where name.isField("last-event-id"): lastEventID = value
        case 13 where name.isField("authorization"): set(\.authorization, value)
        case 13 where name.isField("tessera-actor"): set(\.actor, value)
        case 13 where name.isField("if-none-match"): ifNoneMatch = value
        case 14 where name.isField("content-length"): contentLength = value
        case 14 where name.isField("sec-fetch-site"): fetchSite = fetchSite.map { "\($0), \(value)" } ?? value
        case 16 where name.isField("tessera-activity"): set(\.activity, value)
        case 19 where name.isField("tessera-dpop-target"): set(\.proofTarget, value)
        case 20 where name.isField("tessera-client-hints"): client.hints = value
        case 20 where name.isField("tessera-client-label"): client.label = value
        case 17 where name.isField("transfer-encoding"): transferEncodings.append(value)
        case 22 where name.isField("tessera-client-address"): client.address = value
        case 22 where name.isField("tessera-client-country"): client.country = value
        case 22 where name.isField("tessera-session-policy"): policy = policy.map { "\($0), \(value)" } ?? value
        case 25 where name.isField("tessera-client-user-agent"): client.userAgent = value
        default: break
        }
    }

    /// Keeps a value that there is one of; the same one again is no other (docs/decisions/0007).
    private mutating func set(_ field: WritableKeyPath<Self, String?>, _ value: String) {
        if let before = self[keyPath: field], before != value { isContradictory = true }
        self[keyPath: field] = value
    }
}

extension String {
    /// The value of a field without the blanks at its end, which are no part of it (RFC 9110 section 5.5).
    fileprivate var withoutTrailingBlanks: String {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let last = utf8.last, isBlank(last) else { return self }
        let end = utf8.lastIndex { !isBlank($0) }.map { utf8.index(after: $0) } ?? startIndex
        return String(self[..<end])
    }

    /// Whether this is a field's name, given in lowercase and as long.
    fileprivate func isField(_ name: StaticString) -> Bool {
        var bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount).makeIterator()
        for byte in utf8 {
            guard let other = bytes.next() else { return false }
            let isCapital = byte &- UInt8(ascii: "A") < 26
            guard (isCapital ? byte | 0x20 : byte) == other else { return false }
        }
        return true
    }

    /// Whether this and another text are the same in any case of ASCII letters.
    func isSameToken(as other: StaticString) -> Bool { utf8.count == other.utf8CodeUnitCount && isField(other) }
}
