/// Which library makes RSA signatures (docs/decisions/0023).
///
/// All make the same bytes of the same key and message; they differ in what that costs.
public enum RSAProvider: String, Sendable, CaseIterable {
    /// The one that is faster on this machine, measured at the first signature.
    case automatic
    /// BoringSSL, as swift-crypto brings it along.
    case boringssl
    /// The system's libcrypto; only in a program that was built with the trait `OpenSSL`.
    case openssl

    /// Whether this program can use it.
    public var isBuiltIn: Bool {
        #if OpenSSL
            true
        #else
            self != .openssl
        #endif
    }
}

/// Which library a process has come to use, and why.
public struct RSAChoice: Sendable, Equatable, CustomStringConvertible {
    /// The library, never ``RSAProvider/automatic``.
    public let provider: RSAProvider
    /// What was measured, where something was.
    public let costs: Costs?

    /// CPU time of one signature of 2048 bits in microseconds.
    public struct Costs: Sendable, Equatable {
        /// By swift-crypto.
        public var boringssl: Double
        /// By the system's libcrypto.
        public var openssl: Double
    }

    init(_ provider: RSAProvider, _ costs: Costs? = nil) {
        self.provider = provider
        self.costs = costs
    }

    /// libcrypto has to be faster by a tenth: below that it is noise, and one library less is the better choice.
    init(_ costs: Costs?) {
        self.init(costs.map { $0.openssl < 0.9 * $0.boringssl } ?? false ? .openssl : .boringssl, costs)
    }

    /// A line for the log.
    public var description: String {
        let head = "RSA signatures are made by \(provider.rawValue)"
        guard let costs else { return head }
        return "\(head): openssl takes \(Int(costs.openssl.rounded())) us, boringssl \(Int(costs.boringssl.rounded()))"
    }
}
