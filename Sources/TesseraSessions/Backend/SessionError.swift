public import LosslessJSON
public import SessionEngine

/// Why there is no session; its ``code`` says which answer a client is given (docs/specification/sdk.md 2.14).
///
/// The texts are for the operator's log and never reach a client.
public struct SessionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of error, one for each answer that a client can be given; more may come.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Name: String, CaseIterable {
            case unauthorised, tryRefreshToken, tokenTheftDetected, invalidClaims, duplicateCookies, retryLater,
                badInput, untrustedOrigin, badFormToken,
                proofNeeded
            case claimUnavailable, unreadable, coreUnavailable, coreRejected, misconfigured
        }
        private let name: Name
        /// All of them.
        package static var all: [Code] { Name.allCases.map(Code.init) }

        private init(_ name: Name) {
            self.name = name
        }

        /// The client has to sign in again.
        public static let unauthorised = Code(.unauthorised)
        /// The client may refresh and try again.
        public static let tryRefreshToken = Code(.tryRefreshToken)
        /// A superseded refresh token was reused: there is a copy.
        public static let tokenTheftDetected = Code(.tokenTheftDetected)
        /// The session does not fulfil what a route asks for.
        public static let invalidClaims = Code(.invalidClaims)
        /// The request brought two session cookies of one name.
        public static let duplicateCookies = Code(.duplicateCookies)
        /// Another refresh with the same token was finished a moment ago.
        public static let retryLater = Code(.retryLater)
        /// What was asked for cannot be done.
        public static let badInput = Code(.badInput)
        /// A page of an origin that the application does not trust wanted to change something.
        public static let untrustedOrigin = Code(.untrustedOrigin)
        /// A form came without its token, or with one of another browser or session.
        public static let badFormToken = Code(.badFormToken)
        /// The session is bound to a key, and the request does not prove it; the session lives (RFC 9449).
        public static let proofNeeded = Code(.proofNeeded)
        /// The application could not say what a claim's value is.
        public static let claimUnavailable = Code(.claimUnavailable)
        /// A payload, or data, is not of the type that the application reads it as.
        public static let unreadable = Code(.unreadable)
        /// No core answered; nothing is known about any session.
        public static let coreUnavailable = Code(.coreUnavailable)
        /// The core, or the storage, answered with a fault.
        public static let coreRejected = Code(.coreRejected)
        /// The settings contradict each other.
        public static let misconfigured = Code(.misconfigured)

        /// The name of the kind, safe to show to any caller.
        public var description: String { name.rawValue }
    }

    /// All that is known about an error; this package looks at it, and a new case changes no one else's code.
    package enum Kind: Sendable, Equatable {
        case unauthorised(reason: String, clearTokens: Bool)
        case tryRefreshToken(reason: String)
        case tokenTheftDetected(handle: SessionHandle, userID: UserID, recipeUserID: UserID)
        case invalidClaims([ClaimValidationError])
        case duplicateCookies
        case retryLater(reason: String)
        case badInput(String)
        case untrustedOrigin(String)
        case badFormToken(String)
        case proofNeeded(nonce: String?)
        case callProofNeeded(nonce: String?)
        case claimUnavailable(key: String, reason: String)
        case unreadable(String)
        case coreUnavailable(String)
        case coreRejected(status: Int, message: String)
        case misconfigured(String)
    }

    package let kind: Kind
    /// The answer that the client is given, once it is known; errors that differ in nothing else are equal.
    package private(set) var answer: Answer?

    /// An answer on the heap, so that an error stays small.
    package final class Answer: Sendable {
        package let reply: SessionReply

        init(_ reply: SessionReply) {
            self.reply = reply
        }
    }
    /// For how many seconds the core asked to be left alone, where it did; it is passed on as `Retry-After`.
    public private(set) var retryAfterSeconds: Int64?

    /// Why the session ended, where that is known and the application lets clients know it.
    public internal(set) var endReason: EndReason?

    private init(_ kind: Kind) {
        self.kind = kind
    }

    /// The same error with the answer that the client is given.
    package func answered(by reply: SessionReply) -> SessionError {
        var error = self
        error.answer = Answer(reply)
        return error
    }

    /// Equal in kind and details.
    public static func == (left: SessionError, right: SessionError) -> Bool { left.kind == right.kind }

    /// What kind of error.
    public var code: Code {
        switch kind {
        case .unauthorised: .unauthorised
        case .tryRefreshToken: .tryRefreshToken
        case .tokenTheftDetected: .tokenTheftDetected
        case .invalidClaims: .invalidClaims
        case .duplicateCookies: .duplicateCookies
        case .retryLater: .retryLater
        case .badInput: .badInput
        case .untrustedOrigin: .untrustedOrigin
        case .badFormToken: .badFormToken
        case .proofNeeded, .callProofNeeded: .proofNeeded
        case .claimUnavailable: .claimUnavailable
        case .unreadable: .unreadable
        case .coreUnavailable: .coreUnavailable
        case .coreRejected: .coreRejected
        case .misconfigured: .misconfigured
        }
    }

    /// What happened, for an operator; empty where the code says all.
    public var reason: String {
        switch kind {
        case .unauthorised(let text, _), .tryRefreshToken(let text), .retryLater(let text), .badInput(let text),
            .untrustedOrigin(let text), .badFormToken(let text), .claimUnavailable(_, let text), .unreadable(let text),
            .coreUnavailable(let text), .coreRejected(_, let text), .misconfigured(let text):
            text
        case .proofNeeded(let nonce), .callProofNeeded(let nonce):
            nonce == nil ? "no proof for this request" : "a proof with a nonce is needed"
        case .tokenTheftDetected, .invalidClaims, .duplicateCookies: ""
        }
    }

    /// The session whose refresh token somebody holds a copy of, and its user, where that was found.
    public var stolenSession: (handle: SessionHandle, userID: UserID, recipeUserID: UserID)? {
        guard case .tokenTheftDetected(let handle, let userID, let recipeUserID) = kind else { return nil }
        return (handle, userID, recipeUserID)
    }

    /// What the session does not fulfil.
    public var claimErrors: [ClaimValidationError] {
        guard case .invalidClaims(let errors) = kind else { return [] }
        return errors
    }

    /// The kind and what happened, in words for a log.
    public var description: String {
        switch kind {
        case .tokenTheftDetected(let handle, _, _): "\(code): session \(handle)"
        case .invalidClaims(let errors): "\(code): \(errors.map(\.id).joined(separator: ", "))"
        case .claimUnavailable(let key, let reason): "\(code): claim \(key): \(reason)"
        case .coreRejected(let status, let message): "\(code): \(status): \(message)"
        default: reason.isEmpty ? "\(code)" : "\(code): \(reason)"
        }
    }

    /// The client has to sign in again; its tokens are cleared where `clearTokens` says so.
    public static func unauthorised(reason: String, clearTokens: Bool) -> SessionError {
        SessionError(.unauthorised(reason: reason, clearTokens: clearTokens))
    }

    /// The client may refresh and try again.
    public static func tryRefreshToken(reason: String) -> SessionError {
        SessionError(.tryRefreshToken(reason: reason))
    }

    /// A superseded refresh token was reused: there is a copy.
    public static func tokenTheftDetected(
        handle: SessionHandle, userID: UserID, recipeUserID: UserID
    ) -> SessionError {
        SessionError(.tokenTheftDetected(handle: handle, userID: userID, recipeUserID: recipeUserID))
    }

    /// The session does not fulfil what a route asks for.
    public static func invalidClaims(_ errors: [ClaimValidationError]) -> SessionError {
        SessionError(.invalidClaims(errors))
    }

    /// The request brought two session cookies of one name; the older ones are being expired.
    public static let duplicateCookies = SessionError(.duplicateCookies)

    /// Another refresh with the same token was finished a moment ago: the client keeps what it has and may try again.
    public static func retryLater(reason: String) -> SessionError { SessionError(.retryLater(reason: reason)) }

    /// The session is bound to the device of a browser, which lacks its cookie for the moment (docs/dbsc.md).
    package static let deviceNotYet = retryLater(reason: "the browser lacks the cookie of its device for the moment")

    /// What was asked for cannot be done.
    public static func badInput(_ text: String) -> SessionError { SessionError(.badInput(text)) }

    /// A page of an origin that the application does not trust wanted to change something.
    public static func untrustedOrigin(_ origin: String) -> SessionError { SessionError(.untrustedOrigin(origin)) }

    /// A form came without its token, or with one of another browser or session; the text says which.
    public static func badFormToken(_ text: String) -> SessionError { SessionError(.badFormToken(text)) }

    /// The session is bound to a key, and the request does not prove it now; the session lives.
    ///
    /// - Parameter nonce: what another proof has to repeat; `nil` where what came is no proof for the request.
    public static func proofNeeded(nonce: String?) -> SessionError { SessionError(.proofNeeded(nonce: nonce)) }

    /// The same for a request with an access token, which is answered in the form of its scheme (RFC 9449 section 7.1).
    ///
    /// - Parameter nonce: what another proof has to repeat; `nil` where what came is no proof for the request.
    public static func callProofNeeded(nonce: String?) -> SessionError { SessionError(.callProofNeeded(nonce: nonce)) }

    /// The application could not say what a claim's value is.
    public static func claimUnavailable(key: String, reason: String) -> SessionError {
        SessionError(.claimUnavailable(key: key, reason: reason))
    }

    /// A payload, or data, is not of the type that the application reads it as: an internal error, as the client cannot
    /// mend it.
    public static func unreadable(_ text: String) -> SessionError { SessionError(.unreadable(text)) }

    /// A session of a kind that is not accepted here: 403, and the session lives on.
    package static func refused(_ kind: String, _ message: String) -> SessionError {
        .invalidClaims([ClaimValidationError(id: kind, reason: ["message": .string(message)])])
    }

    /// No core answered; nothing is known about any session.
    public static func coreUnavailable(_ text: String) -> SessionError { SessionError(.coreUnavailable(text)) }

    /// No core answers now.
    ///
    /// - Parameters:
    ///   - text: why, for the operator's log.
    ///   - seconds: when a client may ask again, in seconds from now; `nil` where nothing is known about it.
    package static func coreUnavailable(_ text: String, retryAfterSeconds seconds: Int64?) -> SessionError {
        var error = SessionError(.coreUnavailable(text))
        error.retryAfterSeconds = seconds
        return error
    }

    /// The core, or the storage, answered with a fault.
    public static func coreRejected(status: Int, message: String) -> SessionError {
        SessionError(.coreRejected(status: status, message: message))
    }

    /// The settings contradict each other; the text says what to do.
    public static func misconfigured(_ text: String) -> SessionError { SessionError(.misconfigured(text)) }
}

/// Why a claim is not as a route asks for (docs/specification/sdk.md 2.12 and 2.14).
public struct ClaimValidationError: Sendable, Equatable {
    /// The validator's name.
    public var id: String
    /// What is wrong, for the front end.
    public var reason: JSONObject?

    public init(id: String, reason: JSONObject?) {
        self.id = id
        self.reason = reason
    }
}
