import LosslessJSON

/// A version of the core driver interface as an OpenAPI document, made from the catalogue.
public enum InterfaceDescription {
    /// The document of a version, the newest when none is named; `nil` for a version that is not spoken here.
    public static func openAPI(versionNamed name: String?) -> String? {
        let version = name.map(Catalogue.version(named:)) ?? Catalogue.supported.last
        return version.flatMap(Dialect.of).map { document(of: $0).text }
    }

    static func document(of dialect: Dialect) -> JSONObject {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Core driver interface", "version": .string(dialect.version.description),
                "description": "What a driver can ask of a session core. Unknown fields of requests are ignored.",
            ],
            "security": [["apiKey": []], [:]],
            "paths": .object(paths(dialect)),
            "components": .object(components),
        ]
    }

    private static let components: JSONObject = [
        "securitySchemes": ["apiKey": ["type": "apiKey", "in": "header", "name": "api-key"]],
        "responses": [
            "Text": [
                "description": "What went wrong, as text; plain where it quotes the request.",
                "content": [
                    "text/html;charset=UTF-8": ["schema": ["type": "string"]],
                    "text/plain;charset=UTF-8": ["schema": ["type": "string"]],
                ],
            ]
        ],
    ]

    private static func paths(_ dialect: Dialect) -> JSONObject {
        var paths = JSONObject()
        for route in Catalogue.Edition.current.routes {
            guard Catalogue.Edition.current.versions(of: route).contains(dialect.version) else { continue }
            var item = paths[route.path]?.object ?? JSONObject()
            for method in route.methods {
                item[method.rawValue.lowercased()] = .object(operation(route, method, dialect))
            }
            paths[route.path] = .object(item)
        }
        return paths
    }

    private static func operation(
        _ route: Catalogue.Route, _ method: CoreMethod, _ dialect: Dialect
    ) -> JSONObject {
        let operation = route.operation
        // A greeting has two paths and four methods, and each needs a name of its own.
        let isGreeting = operation == .hello
        let name = isGreeting ? "hello\(method.rawValue)\(route.path.count)" : operation.rawValue
        var result: JSONObject = [
            "operationId": .string(name),
            "summary": .string(operation.title.prefix(1).uppercased() + operation.title.dropFirst()),
        ]
        if isGreeting || operation == .publishKeys || operation == .showConfiguration { result["security"] = [[:]] }
        result["parameters"] = .array(parameters(route, method, dialect))
        if readsBody(operation, method, dialect) {
            result["requestBody"] = [
                "required": true,
                "content": ["application/json": ["schema": .object(requestSchema(operation, dialect))]],
            ]
        }
        result["responses"] = .object(responses(operation, dialect))
        return result
    }

    private static func readsBody(_ operation: CoreOperation, _ method: CoreMethod, _ dialect: Dialect) -> Bool {
        switch operation {
        case .hello: false
        case .handshake: dialect.rules.readsHandshakeBody
        default: method != .get
        }
    }

    private static func parameters(
        _ route: Catalogue.Route, _ method: CoreMethod, _ dialect: Dialect
    ) -> [JSONValue] {
        var parameters: [JSONValue] = []
        if route.family != .versionFree {
            parameters.append([
                "name": "cdi-version", "in": "header", "required": true,
                "schema": ["type": "string", "const": .string(dialect.version.description)],
            ])
        }
        guard method == .get else { return parameters }
        for field in Catalogue.fields(of: route.operation, dialect) {
            parameters.append([
                "name": .string(field.name), "in": "query", "required": .bool(field.presence == .required),
                "schema": .object(field.type.schema),
            ])
        }
        return parameters
    }

    static func requestSchema(_ operation: CoreOperation, _ dialect: Dialect) -> JSONObject {
        let fields = Catalogue.fields(of: operation, dialect)
        let properties = fields.map { JSONObject.Member(name: $0.name, value: .object($0.type.schema)) }
        let required = fields.filter { $0.presence == .required }.map { JSONValue.string($0.name) }
        var schema: JSONObject = [
            "type": "object", "properties": .object(JSONObject(properties)), "required": .array(required),
        ]
        var companions = JSONObject()
        for case .rule(let rule) in Catalogue.requests[operation]?.outline ?? [] {
            switch rule {
            case .exactlyOne(let names):
                schema["oneOf"] = .array(names.map { ["required": .array([.string($0)])] })
            case .beside(let name, let other):
                if fields.contains(where: { $0.name == name }) { companions[name] = .array([.string(other)]) }
            case .other: break
            }
        }
        if !companions.isEmpty { schema["dependentRequired"] = .object(companions) }
        return schema
    }
}
