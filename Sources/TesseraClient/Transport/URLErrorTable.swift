/// What the errors of URLSession mean for a session, by their numbers (`URLError.Code`).
///
/// A number that is not here counts as transient: an unknown error ends no session. That every number which the
/// platform knows is here is tested.
package enum URLErrorTable {
    package static let kinds: [Int: TransportFailure.Kind] = {
        var kinds: [Int: TransportFailure.Kind] = [:]
        for code in transient { kinds[code] = .transient }
        for code in insecure { kinds[code] = .insecure }
        for code in invalid { kinds[code] = .invalid }
        kinds[-999] = .cancelled
        return kinds
    }()

    /// What an error means.
    package static func kind(of code: Int) -> TransportFailure.Kind { kinds[code] ?? .transient }

    /// unknown, timedOut, cannotFindHost, cannotConnectToHost, networkConnectionLost, dnsLookupFailed, redirections,
    /// notConnectedToInternet, badServerResponse, user authentication of a proxy, zeroByteResource, decoding,
    /// internationalRoamingOff, callIsActive, dataNotAllowed, secureConnectionFailed, cannotLoadFromNetwork,
    /// background sessions.
    private static let transient = [
        -1, -1001, -1003, -1004, -1005, -1006, -1007, -1009, -1010, -1011, -1012, -1013, -1014, -1015, -1016, -1017,
        -1018,
        -1019, -1020, -1200, -2000, -995, -996, -997,
    ]
    /// appTransportSecurityRequiresSecureConnection, certificates of the server and of the client.
    private static let insecure = [-1022, -1201, -1202, -1203, -1204, -1205, -1206]
    /// badURL, unsupportedURL, requestBodyStreamExhausted, dataLengthExceedsMaximum, files.
    private static let invalid = [
        -1000, -1002, -1021, -1100, -1101, -1102, -1103, -3000, -3001, -3002, -3003, -3004, -3005, -3006, -3007,
    ]
}
