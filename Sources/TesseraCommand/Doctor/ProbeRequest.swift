import Foundations
import SessionDoctor

/// A request of the doctor.
struct ProbeRequest: Sendable {
    var method: String
    var address: WebAddress
    /// After `?`, if anything.
    var query = ""
    var fields: [HeaderField] = []
    var body = ""
    /// Whether the first bytes of the body are enough, as of a stream.
    var isStream = false

    init(_ method: String, _ address: WebAddress, _ fields: [HeaderField] = []) {
        (self.method, self.address, self.fields) = (method, address, fields)
    }

    /// Path and query as the request line has them.
    var target: String {
        (address.path.isEmpty ? "/" : address.path) + (query.isEmpty ? "" : "?\(query)")
    }
}

/// How requests are sent.
struct ProbeTransport: Sendable {
    /// Addresses to use instead of what a name resolves to: `host:port` and the address.
    var resolved: [String: String] = [:]
    /// Certificates to trust, in a file.
    var authorities: String?
    var timeout = Milliseconds(5_000)
    /// How much of a body is read, in bytes.
    var bodyLimit = 512 * 1_024

    /// Sends a request, and takes the reply as it is: no redirect is followed, nothing is sent twice.
    func send(_ request: ProbeRequest) async -> ProbeOutcome {
        request.address.scheme == "https"
            ? CurlProbe(self).send(request) : await PlainProbe(self).send(request)
    }

    /// How long to wait for a reply; a stream is judged after two seconds.
    func timeout(of request: ProbeRequest) -> Milliseconds {
        request.isStream ? min(timeout, Milliseconds(2_500)) : timeout
    }

    /// Where to connect.
    func target(of address: WebAddress) -> String { resolved["\(address.host):\(address.port)"] ?? address.host }

    /// Reads `host:port:address`, as curl's option has it.
    ///
    /// - Parameter text: such as `api.example.com:443:127.0.0.1`, an IPv6 address in brackets or not.
    /// - Returns: `nil` for anything else.
    static func resolution(_ text: String) -> (key: String, address: String)? {
        let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
        guard parts.count == 3, let port = UInt16(parts[1]), port > 0 else { return nil }
        let address = parts[2].trimmed { $0 == "[" || $0 == "]" }
        return ("\(parts[0].lowercased()):\(port)", String(address))
    }
}
