import CoreServer

/// Where a listener beside the one of drivers is: that of metrics, or that of the admin page.
public struct ListenAddress: Sendable, Equatable {
    /// The address to listen on, an IPv6 address without brackets.
    public var host: String
    /// The port; 0 takes a free one.
    public var port: Int

    public init(host: String, port: Int) {
        (self.host, self.port) = (host, port)
    }

    /// This machine, and the port that is known for metrics.
    public static let standard = ListenAddress(host: "127.0.0.1", port: 9567)

    /// Reads `host:port`; `nil` for anything else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let (host, digits) = (Loopback.bare(String(text[..<colon])), text[text.index(after: colon)...])
        // An IPv6 address needs its brackets here: without them its last part would be the port.
        guard !host.isEmpty, !host.contains("["), !text[..<colon].contains(":") || text.hasPrefix("["),
            digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits), port <= 65_535
        else { return nil }
        self.init(host: host, port: port)
    }

    /// As it is written in a configuration.
    package var text: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// What the operator should know of an address of metrics that others reach.
    var metricsWarning: String? {
        if Loopback.isLocal(host) { return nil }
        return
            "metrics_listen: all who reach \(text) can read the metrics without a key; keep it to the network of your "
            + "monitoring."
    }
}

extension ValueFormat where Value == ListenAddress? {
    /// An address with its port, or `off`.
    ///
    /// - Parameter example: an address for the reason.
    static func listenAddress(_ example: String) -> ValueFormat {
        ValueFormat(.string) { text, name in
            if text.lowercased() == "off" { return .value(nil) }
            guard let address = ListenAddress(text) else {
                return .breach(.rule("'\(name)' must be an address with a port, such as \(example), or \"off\"."))
            }
            return .value(address)
        } print: { address in
            address?.text ?? "off"
        }
    }
}
