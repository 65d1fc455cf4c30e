"""Pure. Which environment variables hold which provider's keys, as the newest release names them.

Order is priority. A variable that only older releases read is not here: with the release people update to it stops
working, so it must not make anything look usable. Where several providers share a variable, the first row owns it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class SdkLogin:
    """A login that a cloud SDK finds through `name`, when all of `needs` and one of `any_of` are set too."""

    name: str
    mode: str
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()


PROVIDER_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "anthropic": ("ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"),
        "openai": ("CODEX_API_KEY", "OPENAI_API_KEY"),
        "openai-codex": (),  # logins only, as the other empty rows
        "google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "google-vertex": ("GOOGLE_CLOUD_API_KEY",),
        "google-gemini-cli": (),
        "google-antigravity": (),
        "github-copilot": ("COPILOT_GITHUB_TOKEN",),
        "amazon-bedrock": ("AWS_BEARER_TOKEN_BEDROCK",),
        "microsoft-foundry": ("AZURE_OPENAI_API_KEY",),
        "minimax": ("MINIMAX_CODE_PLAN_KEY", "MINIMAX_CODING_API_KEY", "MINIMAX_API_KEY"),
        "minimax-portal": ("MINIMAX_OAUTH_TOKEN", "MINIMAX_API_KEY"),
        "huggingface": ("HUGGINGFACE_HUB_TOKEN", "HF_TOKEN"),
        "zai": ("ZAI_API_KEY", "Z_AI_API_KEY"),
        "xai": ("XAI_API_KEY",),
        "openrouter": ("OPENROUTER_API_KEY",),
        "opencode": ("OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"),
        "opencode-go": ("OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"),
        "moonshot": ("MOONSHOT_API_KEY",),
        "kimi": ("KIMI_API_KEY", "KIMICODE_API_KEY"),
        "qwen": ("QWEN_API_KEY", "MODELSTUDIO_API_KEY", "DASHSCOPE_API_KEY"),
        "qwen-portal": ("QWEN_OAUTH_TOKEN", "QWEN_PORTAL_API_KEY"),
        "alibaba": ("MODELSTUDIO_API_KEY", "DASHSCOPE_API_KEY", "QWEN_API_KEY"),
        "chutes": ("CHUTES_API_KEY", "CHUTES_OAUTH_TOKEN"),
        "volcengine": ("VOLCANO_ENGINE_API_KEY",),
        "byteplus": ("BYTEPLUS_API_KEY",),
        "stepfun": ("STEPFUN_API_KEY",),
        "stepfun-plan": ("STEPFUN_API_KEY",),
        "xiaomi": ("XIAOMI_API_KEY",),
        "xiaomi-token-plan": ("XIAOMI_TOKEN_PLAN_API_KEY",),
        "tencent-tokenhub": ("TOKENHUB_API_KEY",),
        "tencent-tokenplan": ("TOKENPLAN_API_KEY",),
        "groq": ("GROQ_API_KEY",),
        "cerebras": ("CEREBRAS_API_KEY",),
        "mistral": ("MISTRAL_API_KEY",),
        "deepseek": ("DEEPSEEK_API_KEY",),
        "together": ("TOGETHER_API_KEY",),
        "fireworks": ("FIREWORKS_API_KEY",),
        "nvidia": ("NVIDIA_API_KEY",),
        "cohere": ("COHERE_API_KEY",),
        "venice": ("VENICE_API_KEY",),
        "synthetic": ("SYNTHETIC_API_KEY",),
        "litellm": ("LITELLM_API_KEY",),
        "vllm": ("VLLM_API_KEY",),
        "sglang": ("SGLANG_API_KEY",),
        "qianfan": ("QIANFAN_API_KEY",),
        "arcee": ("ARCEEAI_API_KEY",),
        "novita": ("NOVITA_API_KEY",),
        "deepinfra": ("DEEPINFRA_API_KEY",),
        "baseten": ("BASETEN_API_KEY",),
        "featherless": ("FEATHERLESS_API_KEY",),
        "longcat": ("LONGCAT_API_KEY",),
        "inworld": ("INWORLD_API_KEY",),
        "voyage": ("VOYAGE_API_KEY",),
        "kilocode": ("KILOCODE_API_KEY",),
        "clawrouter": ("CLAWROUTER_API_KEY",),
        "meta": ("MODEL_API_KEY",),
        "ollama": ("OLLAMA_API_KEY",),
        "ollama-cloud": ("OLLAMA_API_KEY",),
        "lmstudio": ("LM_API_TOKEN",),
        "vercel-ai-gateway": ("AI_GATEWAY_API_KEY",),
        "cloudflare-ai-gateway": ("CLOUDFLARE_AI_GATEWAY_API_KEY",),
        "elevenlabs": ("ELEVENLABS_API_KEY", "XI_API_KEY"),
        "deepgram": ("DEEPGRAM_API_KEY",),
        "fal": ("FAL_KEY", "FAL_API_KEY"),
        "runway": ("RUNWAYML_API_SECRET", "RUNWAY_API_KEY"),
        "comfy": ("COMFY_API_KEY", "COMFY_CLOUD_API_KEY"),
        "senseaudio": ("SENSEAUDIO_API_KEY",),
        "gradium": ("GRADIUM_API_KEY",),
        "vydra": ("VYDRA_API_KEY",),
        "azure-speech": ("AZURE_SPEECH_KEY", "AZURE_SPEECH_API_KEY", "SPEECH_KEY"),
        "volcengine-tts": ("VOLCENGINE_TTS_API_KEY", "BYTEPLUS_SEED_SPEECH_API_KEY"),
        "brave": ("BRAVE_API_KEY",),
        "exa": ("EXA_API_KEY",),
        "tavily": ("TAVILY_API_KEY",),
        "firecrawl": ("FIRECRAWL_API_KEY",),
        "perplexity": ("PERPLEXITY_API_KEY", "OPENROUTER_API_KEY"),
    }
)

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bedrock": "amazon-bedrock",
        "aws-bedrock": "amazon-bedrock",
        "minimax-cn": "minimax",
        "minimax-portal-cn": "minimax-portal",
        "z.ai": "zai",
        "z-ai": "zai",
        "x-ai": "xai",
        "opencode-zen": "opencode",
        "opencode-go-auth": "opencode-go",
        "moonshotai": "moonshot",
        "moonshot-ai": "moonshot",
        "kimi-coding": "kimi",
        "kimi-code": "kimi",
        "modelstudio": "qwen",
        "qwencloud": "qwen",
        "volcengine-plan": "volcengine",
        "bytedance": "volcengine",
        "doubao": "volcengine",
        "byteplus-plan": "byteplus",
        "novita-ai": "novita",
        "novitaai": "novita",
    }
)

# Of the SDKs' default chains only what variables say is visible: not a metadata service, an SSO cache or gcloud's own file.
SDK_LOGINS: Final[Mapping[str, tuple[SdkLogin, ...]]] = MappingProxyType(
    {
        "amazon-bedrock": (SdkLogin("AWS_ACCESS_KEY_ID", "aws-sdk", needs=("AWS_SECRET_ACCESS_KEY",)), SdkLogin("AWS_PROFILE", "aws-sdk")),
        "google-vertex": (
            SdkLogin(
                "GOOGLE_APPLICATION_CREDENTIALS",
                "gcloud-adc",
                needs=("GOOGLE_CLOUD_LOCATION",),
                any_of=("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"),
            ),
        ),
    }
)
