import HTTPTypes

/// Scheme, host and port of an API (RFC 6454 section 4).
///
/// Two origins are equal when all three are.
public struct APIOrigin: Sendable, Hashable, CustomStringConvertible {
    /// `https`, or `http` for an API on this machine.
    public let scheme: String
    /// The host in lower case; an IPv6 address in brackets.
    public let host: String
    /// The port.
    public let port: Int

    /// Reads `https://api.example.com`, `https://api.example.com:8443` or `http://localhost:4000`.
    ///
    /// - Throws: ``ClientError/misconfigured(_:)`` for anything else: a path, a user name, another scheme, or plain HTTP
    ///   to another machine, which others on the way could read.
    public init(_ text: String) throws(ClientError) {
        guard let end = text.range(of: "://"),
            let found = Self(scheme: text[..<end.lowerBound], text[end.upperBound...])
        else {
            throw .misconfigured("the API is named by an origin such as https://api.example.com, without a path")
        }
        guard found.scheme == "https" || found.isLocal else {
            throw .misconfigured("the API at \(found) has to be reached by https; plain http is for this machine only")
        }
        self = found
    }

    /// The origin of a request; `nil` where it names none.
    init?(_ request: HTTPRequest) {
        guard let scheme = request.scheme, let authority = request.authority,
            let found = Self(scheme: scheme[...], authority[...])
        else { return nil }
        self = found
    }

    /// The parts of an authority (RFC 3986 section 3.2), by a simple grammar: what is not read is no origin.
    private init?(scheme: Substring, _ authority: Substring) {
        self.scheme = scheme.lowercased()
        guard self.scheme == "https" || self.scheme == "http" else { return nil }
        let rest = authority.hasSuffix("/") ? authority.dropLast() : authority
        let end = rest.hasPrefix("[") ? rest.firstIndex(of: "]").map(rest.index(after:)) : rest.firstIndex(of: ":")
        guard !rest.hasPrefix("[") || end != nil else { return nil }
        let name = rest[..<(end ?? rest.endIndex)]
        let tail = rest.dropFirst(name.count)
        let isName = name.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#"/?#@\%""#.utf8.contains($0) }
        guard isName, !name.isEmpty, name != "[]" else { return nil }
        host = name.lowercased()
        if tail.isEmpty {
            port = self.scheme == "https" ? 443 : 80
        } else {
            guard tail.hasPrefix(":"), tail.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(tail.dropFirst()), (1...65_535).contains(number)
            else { return nil }
            port = number
        }
    }

    /// Whether a request goes here.
    func takes(_ request: HTTPRequest) -> Bool { APIOrigin(request) == self }

    /// Whether it is on this machine.
    private var isLocal: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]" || isLoopbackAddress
    }

    /// Four numbers, of which the first is 127: a name may begin like one, and be another machine's.
    private var isLoopbackAddress: Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let areNumbers = parts.allSatisfy { part in
            part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
        }
        return parts.count == 4 && parts[0] == "127" && areNumbers
    }

    /// Host and port as a request names them.
    var authority: String { port == (scheme == "https" ? 443 : 80) ? host : "\(host):\(port)" }

    /// The origin as browsers write it.
    public var description: String { "\(scheme)://\(authority)" }
}

extension String {
    /// Where a text is first found.
    fileprivate func range(of text: String) -> Range<Index>? {
        var place = startIndex
        while place < endIndex {
            if self[place...].hasPrefix(text) { return place..<index(place, offsetBy: text.count) }
            place = index(after: place)
        }
        return nil
    }
}
