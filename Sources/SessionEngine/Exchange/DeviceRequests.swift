public import Foundations

/// A browser's device has signed the offer to bind a session to it.
public struct DeviceRegistration: Sendable, Redacted {
    /// The proof as the browser sent it.
    public var proof: String
    /// The session of the request that it came with.
    public var handle: SessionHandle

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - proof: the proof as the browser sent it.
    ///   - handle: the session of the request that it came with.
    public init(proof: String, handle: SessionHandle) {
        self.proof = proof
        self.handle = handle
    }
}

/// A browser wants another bound cookie.
public struct DeviceRenewal: Sendable, Redacted {
    /// What the browser calls the session.
    public var identifier: String
    /// The proof as the browser sent it; `nil` where none came.
    public var proof: String?
    /// The session whose access token came with the request, good or not; `nil` where none did.
    public var handle: SessionHandle?

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - identifier: what the browser calls the session.
    ///   - proof: the proof as the browser sent it.
    ///   - handle: the session whose access token came with the request.
    public init(identifier: String, proof: String? = nil, handle: SessionHandle? = nil) {
        self.identifier = identifier
        self.proof = proof
        self.handle = handle
    }

    /// What it is answered.
    public enum Answer: Sendable, Hashable {
        /// The device has proved its key.
        case renewed(DeviceCredentials)
        /// A proof of this challenge is wanted.
        case challenge(String)
        /// There is no such session any more, or the browser has another one by now: it may forget the key.
        case ended
    }
}

/// What a browser is given for a proof of its device; it prints as `<redacted>`.
public struct DeviceCredentials: Sendable, Hashable, Redacted {
    /// What the browser calls the session.
    public let identifier: String
    /// The value of the bound cookie.
    public let cookie: String
    /// What the proof for the next one signs.
    public let challenge: String
    /// For how many seconds the browser keeps the cookie.
    public let cookieSeconds: Int64

    /// The credentials that were made here, or that a core elsewhere gave.
    public init(identifier: String, cookie: String, challenge: String, cookieSeconds: Int64) {
        self.identifier = identifier
        self.cookie = cookie
        self.challenge = challenge
        self.cookieSeconds = cookieSeconds
    }
}

/// What a request shows to a route that asks for the device of its session.
public enum DeviceStanding: String, Sendable, Hashable, CaseIterable {
    /// It has the bound cookie of its session.
    case proved = "PROVED"
    /// Its session is bound to no device.
    case unbound = "UNBOUND"
    /// Its session is bound to a device, and it lacks the cookie.
    case unproved = "UNPROVED"
}
