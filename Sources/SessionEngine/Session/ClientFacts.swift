public import Foundations

/// What an application says about the client that signs in or refreshes; personal data, so it prints as `<redacted>`.
///
/// It is taken for true, as the user id is: nothing of it is ever looked for in the connection to a core, which is the
/// application's own. What cannot be read is passed over, because no sign-in may fail for it.
public struct ClientFacts: Sendable, Hashable, Redacted {
    /// The address of the client, without a port.
    public var address: String?
    /// The `User-Agent` header of the client.
    public var userAgent: String?
    /// The system of the client, as the header `Sec-CH-UA-Platform` has it without its quotes.
    public var platform: String?
    /// Where the client is, as two letters (ISO 3166-1); Tessera never looks it up.
    public var country: String?
    /// What the application calls the device, such as `Mara's iPhone`; it counts where the device has no name yet.
    public var label: String?

    /// Creates a value from what is known; nothing has to be.
    public init(
        address: String? = nil, userAgent: String? = nil, platform: String? = nil, country: String? = nil,
        label: String? = nil
    ) {
        self.address = address
        self.userAgent = userAgent
        self.platform = platform
        self.country = country
        self.label = label
    }

    /// Whether there is anything in it.
    package var isEmpty: Bool { self == ClientFacts() }
}

/// How much is kept of what is said about clients (docs/decisions/0041).
public struct DevicePrivacy: Sendable, Hashable {
    /// How much of an address is kept.
    public enum Address: String, Sendable, CaseIterable {
        /// Nothing.
        case off
        /// The network: 256 addresses of IPv4, a /48 of IPv6.
        case prefix
        /// The whole address.
        case full
    }

    /// How much of the `User-Agent` header is kept.
    public enum UserAgent: String, Sendable, CaseIterable {
        /// Nothing.
        case off
        /// A label such as `Firefox on Linux`.
        case label
        /// The label, and the first 256 bytes of the header.
        case full
    }

    /// How much of an address is kept.
    public var address: Address
    /// How much of the `User-Agent` header is kept.
    public var userAgent: UserAgent
    /// Whether the country is kept that an application says.
    public var keepsCountry: Bool

    /// Creates a choice.
    ///
    /// - Parameters:
    ///   - address: how much of an address is kept.
    ///   - userAgent: how much of the `User-Agent` header is kept.
    ///   - keepsCountry: whether the country is kept that an application says.
    public init(address: Address = .prefix, userAgent: UserAgent = .full, keepsCountry: Bool = false) {
        self.address = address
        self.userAgent = userAgent
        self.keepsCountry = keepsCountry
    }

    /// What is kept of an address or of a network that was stored; `nil` for nothing, and for what is no address.
    func kept(_ text: String) -> String? {
        let isNetwork = text.contains("/")
        guard address != .off, let read = IPAddress(String(text.prefix { $0 != "/" })) else { return nil }
        return address == .prefix || isNetwork ? read.network : read.text
    }
}
