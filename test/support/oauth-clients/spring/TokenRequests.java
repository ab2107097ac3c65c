import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.InMemoryOAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.TokenExchangeOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.RestClientTokenExchangeTokenResponseClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.OAuth2AccessToken;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;

/** The requests of an application without a web request, a job for example: each of them new, so that no token comes from a cache. */
final class TokenRequests {

  private static final Authentication NOBODY =
      new AnonymousAuthenticationToken("job", "nobody", AuthorityUtils.createAuthorityList("ROLE_ANONYMOUS"));

  private TokenRequests() {}

  static OAuth2AccessToken clientCredentials(
      ClientRegistration registration, RestClientClientCredentialsTokenResponseClient client) {
    var provider = OAuth2AuthorizedClientProviderBuilder.builder()
        .clientCredentials(builder -> builder.accessTokenResponseClient(client))
        .build();
    return authorize(registration, provider, NOBODY);
  }

  /** @param userToken the bearer of the request that the application answers */
  static OAuth2AccessToken exchange(
      ClientRegistration registration, RestClientTokenExchangeTokenResponseClient client, Jwt userToken) {
    var provider = new TokenExchangeOAuth2AuthorizedClientProvider();
    provider.setAccessTokenResponseClient(client);
    return authorize(registration, provider, new JwtAuthenticationToken(userToken));
  }

  private static OAuth2AccessToken authorize(
      ClientRegistration registration, OAuth2AuthorizedClientProvider provider, Authentication principal) {
    var registrations = new InMemoryClientRegistrationRepository(registration);
    var manager = new AuthorizedClientServiceOAuth2AuthorizedClientManager(
        registrations, new InMemoryOAuth2AuthorizedClientService(registrations));
    manager.setAuthorizedClientProvider(provider);
    var request = OAuth2AuthorizeRequest.withClientRegistrationId(registration.getRegistrationId())
        .principal(principal)
        .build();
    return manager.authorize(request).getAccessToken();
  }
}
