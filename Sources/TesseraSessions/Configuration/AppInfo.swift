public import HTTPTypes

/// Where an application lives (docs/specification/sdk.md 2.1).
public struct AppInfo: Sendable {
    /// Where a website is from which requests come.
    public struct Website: Sendable {
        enum Kind: Sendable {
            case fixed(String)
            case perRequest(@Sendable (HTTPRequest) -> String)
        }

        let kind: Kind

        /// Always there.
        public static func fixed(_ domain: String) -> Website { Website(kind: .fixed(domain)) }

        /// Decision for each request, for an API that serves several websites.
        public static func perRequest(_ domain: @escaping @Sendable (HTTPRequest) -> String) -> Website {
            Website(kind: .perRequest(domain))
        }
    }

    /// The application's name.
    public let name: String
    /// Where the API is.
    package let apiDomain: Origin
    /// The path under which the SDK answers, with the gateway's prefix.
    package let apiBasePath: URLPath
    /// The prefix that a gateway takes off before requests reach this server.
    let gatewayPath: URLPath
    let fixedWebsite: Origin?
    private let website: Website

    /// Describes an application.
    ///
    /// - Parameters:
    ///   - name: its name.
    ///   - apiDomain: where the API is, such as `https://api.example.com`.
    ///   - website: where the website is; the API's own place by default.
    ///   - apiBasePath: the path under which the SDK answers.
    ///   - apiGatewayPath: the prefix that a gateway takes off.
    /// - Throws: ``SessionError/misconfigured(_:)``.
    public init(
        name: String, apiDomain: String, website: Website? = nil, apiBasePath: String = "/auth",
        apiGatewayPath: String = ""
    ) throws(SessionError) {
        guard !name.isEmpty else { throw .misconfigured("Please provide your appName inside the appInfo object") }
        guard !apiDomain.isEmpty else {
            throw .misconfigured("Please provide your apiDomain inside the appInfo object")
        }
        self.name = name
        self.apiDomain = try Origin(apiDomain)
        self.website = website ?? .fixed(apiDomain)
        switch self.website.kind {
        case .fixed(""): throw .misconfigured("Please provide either origin or websiteDomain inside the appInfo object")
        case .fixed(let domain): fixedWebsite = try Origin(domain, allowsAppSchemes: true)
        case .perRequest: fixedWebsite = nil
        }
        gatewayPath = try URLPath(apiGatewayPath)
        self.apiBasePath = gatewayPath.appending(try URLPath(apiBasePath))
    }

    /// The website a request comes from.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)`` when the application names no website.
    package func website(for request: HTTPRequest) throws(SessionError) -> Origin {
        if let fixedWebsite { return fixedWebsite }
        guard case .perRequest(let domain) = website.kind else { return apiDomain }
        return try Origin(domain(request), allowsAppSchemes: true)
    }

    /// Who issues the tokens: the `iss` of RFC 7519 (docs/specification/sdk.md 2.13).
    public var issuer: String { apiDomain.text + apiBasePath.text }

    /// The path of the refresh route; the refresh cookie is sent there only.
    var refreshPath: String { apiBasePath.appending("/session/refresh").text }
}
